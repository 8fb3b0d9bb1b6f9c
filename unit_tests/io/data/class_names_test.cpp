#include "io/data/class_names.hpp"

#include <gtest/gtest.h>

#include "unit_tests/io/data/sample_files.hpp"

namespace aureole {
namespace {

using testing::expect_error;
using testing::ScratchFolder;
using testing::source;

void write_names(std::string const& path, std::vector<std::string> const& names) {
    testing::write_classes(path, 4, 2, 2, 1, 2);
    if (names.empty()) { return; }
    hdf5::File file = hdf5::File::create(path);
    file.write<std::uint8_t>("x", {2, 2, 2}, std::vector<std::uint8_t>(8));
    file.write<std::uint8_t>("y", {2}, std::vector<std::uint8_t>(2));
    file.set_attribute("y", "class_names", names);
}

TEST(ClassNames, OfTrainingAndEvaluationMustAgree) {
    ScratchFolder const folder;
    write_names(folder.file("train.h5"), {"bird", "cat", "dog"});
    write_names(folder.file("eval.h5"), {"cat", "dog"});
    write_names(folder.file("same.h5"), {"bird", "cat", "dog"});
    write_names(folder.file("none.h5"), {});
    SourceSpec const train = source({folder.file("train.h5")});
    SourceSpec eval = source({folder.file("eval.h5")});
    expect_error(ExitCode::data_error, {"train.h5", "bird, cat, dog", "eval.h5", "cat, dog"},
                 [&] { require_same_class_names(train, eval); });
    SourceSpec const both = source({folder.file("train.h5"), folder.file("eval.h5")});
    expect_error(ExitCode::data_error, {"eval.h5"}, [&] { require_same_class_names(both, both); });
    eval.label_map = {{0, 1}, {1, 2}};
    EXPECT_NO_THROW(require_same_class_names(train, eval));
    EXPECT_NO_THROW(require_same_class_names(train, source({folder.file("same.h5")})));
    EXPECT_NO_THROW(require_same_class_names(train, source({folder.file("none.h5")})));
}

}  // namespace
}  // namespace aureole
