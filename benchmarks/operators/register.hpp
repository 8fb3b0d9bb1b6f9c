#pragma once
#include <benchmark/benchmark.h>

#include <string>
#include <vector>

#include "core/kernels/kernel.hpp"

namespace aureole::benchmarks {

/// Counters GFLOP/s and GB/s (least traffic) from the work of one iteration.
void count_work(benchmark::State& state, Cost const& cost);

/// A benchmark of one planned kernel; the library that was chosen is its label.
void register_kernel(std::string const& name, OperatorPtr const& op, std::vector<ValueType> const& inputs,
                     KernelChoice choice);

void register_convolutions();
void register_norms_and_pools();

}  // namespace aureole::benchmarks
