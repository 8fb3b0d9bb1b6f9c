#pragma once
#include <string>

namespace aureole::test {

/// Every dataset of two HDF5 files, f64: equal to 1e-10 of its norm.
void expect_near_tensors(std::string const& got, std::string const& want);

/// Two metrics.csv files: the same steps; loss, rate and scores equal to 1e-9.
void expect_near_metrics(std::string const& got, std::string const& want);

}  // namespace aureole::test
