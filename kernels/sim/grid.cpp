// Grids: their blocks, shared out to threads of the host.
#include <atomic>
#include <condition_variable>
#include <cstdlib>
#include <mutex>
#include <numeric>
#include <thread>

#include "sim/block.h"
#include "sim/checks.h"

namespace aerie::sim {
namespace {

struct Grid {
    const Launch* launch;
    uint64_t num_blocks, step;
    std::atomic<uint64_t> taken{0};
    std::atomic<bool> failed{false};

    // The block that runs as the nth.
    uint64_t block_at(uint64_t nth) const {
        switch (schedule().order) {
            case Order::forward:
                return nth;
            case Order::reverse:
                return num_blocks - 1 - nth;
            case Order::random:
                return (nth * step + schedule().seed) % num_blocks;
        }
        return nth;
    }
    void work() {
        Block& block = Block::here();
        for (uint64_t nth; !failed && (nth = taken++) < num_blocks;) {
            if (!block.run(*launch, block_at(nth))) failed = true;
        }
    }
};

// Threads that wait for grids; they live as long as the program.
class Team {
  public:
    explicit Team(unsigned num_helpers) : num_helpers_(num_helpers) {
        for (unsigned i = 0; i < num_helpers; ++i) std::thread([this] { help(); }).detach();
    }
    void run(Grid& grid) {
        if (num_helpers_ == 0 || grid.num_blocks == 1) return grid.work();
        {
            const std::lock_guard lock(mutex_);
            grid_ = &grid;
            num_working_ = num_helpers_;
            ++round_;
        }
        wake_.notify_all();
        grid.work();
        std::unique_lock lock(mutex_);
        done_.wait(lock, [&] { return num_working_ == 0; });
    }

  private:
    void help() {
        for (uint64_t seen = 0;;) {
            Grid* grid;
            {
                std::unique_lock lock(mutex_);
                wake_.wait(lock, [&] { return round_ != seen; });
                seen = round_;
                grid = grid_;
            }
            grid->work();
            const std::lock_guard lock(mutex_);
            if (--num_working_ == 0) done_.notify_one();
        }
    }

    const unsigned num_helpers_;
    std::mutex mutex_;
    std::condition_variable wake_, done_;
    Grid* grid_ = nullptr;
    uint64_t round_ = 0;
    unsigned num_working_ = 0;
};

unsigned num_helpers() {
    // Accesses are checked against what one thread after another did.
    if (is_checked()) return 0;
    if (const char* threads = getenv("AERIE_SIM_THREADS")) return unsigned(atoi(threads) > 1 ? atoi(threads) - 1 : 0);
    const unsigned cores = std::thread::hardware_concurrency();
    return cores > 1 ? cores - 1 : 0;
}

}  // namespace

bool run_grid(const Launch& launch) {
    static Team& team = *new Team(num_helpers());
    Grid grid{&launch, uint64_t(launch.grid.x) * launch.grid.y * launch.grid.z, 1};
    if (schedule().order == Order::random) {
        Random random(schedule().seed + launch.work);
        // Coprime to the number of blocks, so that each runs once.
        do grid.step = 1 + random.below(uint32_t(grid.num_blocks));
        while (std::gcd(grid.step, grid.num_blocks) != 1);
    }
    team.run(grid);
    return !grid.failed;
}

}  // namespace aerie::sim
