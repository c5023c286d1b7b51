// Counting of what is submitted.
#pragma once
#include "sim/report.h"
#include "sim/work.h"

namespace aerie::sim {

void count_task(const Task& task, bool is_in_graph);
void count_graph_launch();
void count_wait();
void forget_counters();

}  // namespace aerie::sim
