#include "unit_tests/app/compare.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "io/hdf5/file.hpp"
#include "unit_tests/app/process.hpp"

namespace aureole::test {

void expect_near_tensors(std::string const& got, std::string const& want) {
    auto const a = hdf5::File::open(got), b = hdf5::File::open(want);
    ASSERT_EQ(tensors_of(a), tensors_of(b));
    for (std::string const& name : tensors_of(b)) {
        std::vector<double> const x = a.read<double>(name), y = b.read<double>(name);
        ASSERT_EQ(x.size(), y.size()) << name;
        double difference = 0, norm = 0;
        for (std::size_t i = 0; i < x.size(); ++i) {
            difference += (x[i] - y[i]) * (x[i] - y[i]);
            norm += y[i] * y[i];
        }
        EXPECT_LE(std::sqrt(difference), 1e-10 * std::sqrt(norm) + 1e-14) << name;
    }
}

void expect_near_metrics(std::string const& got, std::string const& want) {
    auto const a = csv_rows(got), b = csv_rows(want);
    ASSERT_EQ(a.size(), b.size());
    for (std::size_t row = 1; row < b.size(); ++row) {
        EXPECT_EQ(a[row][0], b[row][0]);
        ASSERT_EQ(a[row].size(), b[row].size());
        for (std::size_t column = 2; column < b[row].size(); ++column) {  // epoch, loss and all metrics
            if (column >= 4 && column < 9) { continue; }
            if (b[row][column].empty() || b[row][column] == "nan") {
                EXPECT_EQ(a[row][column], b[row][column]) << row << " " << column;
                continue;
            }
            EXPECT_NEAR(std::stod(a[row][column]), std::stod(b[row][column]), 1e-9) << row << " " << column;
        }
    }
}

}  // namespace aureole::test
