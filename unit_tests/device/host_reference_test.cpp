#include "unit_tests/support/host_reference.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "core/error.hpp"
#include "unit_tests/app/process.hpp"

namespace aureole::test {
namespace {

TEST(HostReferenceFile, ReadsBackWhatItWrote) {
    Workplace const place;
    Projection const kept = project("a", {1, -2, 0.1, 1e-300});
    HostReference written(place.path("reference"), HostReference::Mode::write);
    written.keep("b", project("b", {7}));
    written.keep("a", kept);
    EXPECT_TRUE(written.finish());
    HostReference read(place.path("reference"), HostReference::Mode::compare);
    EXPECT_FALSE(read.find("c").has_value());
    auto const found = read.find("a");
    ASSERT_TRUE(found.has_value());
    EXPECT_EQ(found->norm, kept.norm);
    EXPECT_EQ(found->products, kept.products);
    EXPECT_FALSE(read.finish()) << "nothing was compared";
    EXPECT_TRUE(read.count("f64", 0, 1e-10));
    EXPECT_TRUE(read.finish());
}

TEST(HostReferenceFile, NamesAnAbsentOrForeignFile) {
    Workplace const place;
    EXPECT_THROW(HostReference(place.path("absent"), HostReference::Mode::compare), Error);
    place.write("foreign", "hello\n");
    EXPECT_THROW(HostReference(place.path("foreign"), HostReference::Mode::compare), Error);
}

TEST(HostReferenceFile, ANotANumberIsBeyondEveryTolerance) {
    Workplace const place;
    HostReference reference(place.path("reference"), HostReference::Mode::write);
    EXPECT_FALSE(reference.count("f32", std::numeric_limits<double>::quiet_NaN(), 1e9));
}

TEST(Projections, SeeOneChangedElement) {
    std::vector<double> values(1000);
    for (std::size_t i = 0; i < values.size(); ++i) { values[i] = std::sin(static_cast<double>(i)); }
    Projection const want = project("x", values);
    EXPECT_EQ(relative_distance(project("x", values), want, 0), 0);
    values[500] += 0.01 * want.norm;
    double const difference = relative_distance(project("x", values), want, 0);
    EXPECT_GT(difference, 0.003);
    EXPECT_LT(difference, 0.03);
}

TEST(Projections, SeeWhereNumbersAreNotFinite) {
    double const nan = std::numeric_limits<double>::quiet_NaN();
    Projection const want = project("x", {1, nan, 2, HUGE_VAL});
    EXPECT_EQ(relative_distance(project("x", {1, nan, 2, HUGE_VAL}), want, 0), 0);
    EXPECT_GT(relative_distance(project("x", {nan, 1, 2, HUGE_VAL}), want, 0), 0.1);
    EXPECT_GT(relative_distance(project("x", {1, nan, 2, -HUGE_VAL}), want, 0), 0.1);
}

}  // namespace
}  // namespace aureole::test
