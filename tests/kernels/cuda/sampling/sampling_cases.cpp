#include <functional>
#include <cstring>
#include <limits>

#include "drawing.h"
#include "sim/report.h"

namespace {

std::vector<DrawnRow> random_rows(uint32_t vocab, uint32_t count) {
    std::vector<DrawnRow> rows;
    for (uint32_t i = 0; i < count; ++i) rows.push_back(random_row(vocab, 1000 * vocab + i));
    return rows;
}

}  // namespace

// Alone, among others, in slices, in groups that the scratch memory has room for, in a launch with room for more.
CASE(rows_draw_the_same_whatever_is_beside_them) {
    struct Size {
        uint32_t vocab, rows;
    };
    for (const auto [vocab, count] : {Size{1, 3}, Size{33, 300}, Size{257, 65}, Size{1100, 17}, Size{4097, 4}}) {
        const std::vector<DrawnRow> rows = random_rows(vocab, count);
        const std::vector<DrawnResult> together = draw({.more_rows = 5}, rows);
        EXPECT(draw({.in_batch = false}, rows) == together);
        EXPECT(draw({.scratch_rows = 3}, rows) == together);
        if (count > kSliceOutputs) EXPECT(draw({.in_slices = true}, rows) == together);
        for (const uint32_t alone : {0u, count / 2, count - 1})
            EXPECT(draw({.more_rows = alone % 2}, {rows[alone]})[0] == together[alone]);
        const std::vector<DrawnRow> reversed(rows.rbegin(), rows.rend());
        std::vector<DrawnResult> back = draw({}, reversed);
        EXPECT(std::vector<DrawnResult>(back.rbegin(), back.rend()) == together);
    }
}

CASE(rows_beyond_the_parameters_or_the_outputs_draw_nothing) {
    const std::vector<DrawnRow> rows = random_rows(70, 20);
    const std::vector<DrawnResult> all = draw({}, rows), some = draw({.num_outputs = 13}, rows);
    for (uint32_t i = 0; i < 13; ++i) EXPECT(some[i] == all[i]);
    for (uint32_t i = 13; i < 20; ++i) {
        EXPECT(some[i].token == 0 && some[i].rank == 0 && some[i].logprob == 0);
        for (const uint32_t queried : some[i].queried) EXPECT(queried == 0);
    }
    EXPECT(draw({.num_outputs = 0}, rows)[0].token == 0);
    // A launch for more outputs than there are parameters.
    EXPECT(draw({.more_rows = 9}, rows) == all);
}

CASE(logits_that_are_not_finite_are_survived) {
    constexpr float kNan = std::numeric_limits<float>::quiet_NaN(), kInfinity = std::numeric_limits<float>::infinity();
    constexpr uint32_t kVocab = 1030;
    std::vector<std::vector<float>> broken(5, random_logits(kVocab, 5));
    broken[0].assign(kVocab, kNan);
    broken[1].assign(kVocab, -kInfinity);
    broken[2][7] = broken[2][1029] = kInfinity;
    broken[3][1029] = kNan;
    broken[4][3] = -kInfinity;
    for (const DrawnRow& like : random_rows(kVocab, 12)) {
        DrawnRow sound = like;
        sound.changes.clear();
        const DrawnResult expected = draw({}, {sound})[0];
        std::vector<DrawnRow> rows;
        for (const std::vector<float>& logits : broken) {
            rows.push_back(sound);
            DrawnRow row = sound;
            row.logits = logits;
            rows.push_back(row);
        }
        const std::vector<DrawnResult> results = draw({}, rows);
        for (size_t i = 0; i < broken.size(); ++i) {
            EXPECT(results[2 * i] == expected);
            const int32_t token = results[2 * i + 1].token;
            EXPECT(token >= 0 && token < int32_t(kVocab));
            // Where there is no distribution, the largest logit, of those that the mask allows.
            if (i >= 3 || like.with.target >= 0) continue;
            int32_t best = -1;
            for (uint32_t t = 0; t < kVocab; ++t)
                if (sound.allows(t) && (best < 0 || broken[i][t] > broken[i][size_t(best)])) best = int32_t(t);
            EXPECT(token == best);
        }
    }
}

// Greedy rows read logits once, with logprobs or plain draws twice, filtered ones three times; a rank is another time.
// Beside that: the chunk of 1024 in which a plain draw falls, and single logits by all threads of a block. Of a masked
// row, only those that may be drawn are read.
CASE(logits_are_read_a_few_times) {
    EXPECT(sim::is_checked());
    constexpr uint32_t kVocab = 10000;
    const auto read_bytes = [&](const std::function<void(DrawnRow&)>& set) {
        std::vector<DrawnRow> rows(3, DrawnRow(random_logits(kVocab, 1)));
        for (DrawnRow& row : rows) set(row);
        draw({}, rows);
        return logit_bytes_read() / 3;
    };
    const auto times = [&](const std::function<void(DrawnRow&)>& set, uint64_t more) {
        const uint64_t row = kVocab * sizeof(float), bytes = read_bytes(set);
        EXPECT(bytes % row <= more * sizeof(float));
        return bytes / row;
    };
    const auto plain = [](DrawnRow& row) { row.with.temperature = 1; };
    EXPECT(times([](DrawnRow&) {}, 260) == 1);
    EXPECT(times([](DrawnRow& row) { row.with.num_top = 4; }, 260) == 2);
    EXPECT(times([&](DrawnRow& row) { plain(row); }, 1024 + 260) == 2);
    EXPECT(times(
               [&](DrawnRow& row) {
                   plain(row);
                   row.with.num_top = 4;
                   row.queries = {1, 2};
               },
               1024 + 260) == 2);
    for (const bool has_rank : {false, true})
        for (const int filter : {0, 1, 2, 3})
            EXPECT(times(
                       [&](DrawnRow& row) {
                           plain(row);
                           if (filter == 0) row.with.top_k = 40;
                           if (filter == 1) row.with.top_p = 0.999f;
                           if (filter == 2) row.with.min_p = 0.01f;
                           if (filter == 3) row.with.top_k = 9999;
                           row.with.num_top = 4;
                           row.with.flags = has_rank ? AERIE_REPORT_RANK : 0;
                       },
                       5 * 260) == (has_rank ? 4u : 3u));
    // Ten words of tokens may be drawn.
    for (const float top_p : {1.0f, 0.9f})
        EXPECT(read_bytes([&](DrawnRow& row) {
                   plain(row);
                   row.with.top_p = top_p;
                   row.mask.assign((kVocab + 31) / 32, 0);
                   for (uint32_t word = 0; word < 10; ++word) row.mask[29 * word] = ~0u;
               }) <= (3 * 320 + 1024 + 5 * 260) * sizeof(float));
}
