#include <map>

#include "io/hdf5/file.hpp"
#include "unit_tests/io/hdf5/scratch_folder.hpp"

namespace aureole::hdf5 {
namespace {

using testing::ScratchFolder;

std::map<std::string, Attribute> examples() {
    return {{"whole", std::int64_t{-7}},
            {"real", 2.5},
            {"text", std::string("Fashion-MNIST")},
            {"empty text", std::string()},
            {"wholes", std::vector<std::int64_t>{1, 2, 1LL << 40}},
            {"reals", std::vector<double>{0.1, -1e300}},
            {"texts", std::vector<std::string>{"cat", "", "elephant"}}};
}

TEST(Hdf5Attribute, ComesBackAsWritten) {
    ScratchFolder const folder;
    File file = File::create(folder.file("a.h5"));
    file.write<float>("x", {1}, std::vector<float>{1});
    for (std::string const object : {"/", "/x"}) {
        for (auto const& [key, value] : examples()) {
            file.set_attribute(object, key, value);
            EXPECT_EQ(file.attribute(object, key), value) << key;
        }
    }
    EXPECT_EQ(file.attribute("/x", "none"), std::nullopt);
}

TEST(Hdf5Attribute, IsReplaced) {
    ScratchFolder const folder;
    File file = File::create(folder.file("a.h5"));
    file.set_attribute("/", "key", std::string("a long text"));
    file.set_attribute("/", "key", std::int64_t{3});
    EXPECT_EQ(file.attribute("/", "key"), Attribute(std::int64_t{3}));
}

TEST(Hdf5Attribute, AreCopiedTogether) {
    ScratchFolder const folder;
    File from = File::create(folder.file("a.h5")), to = File::create(folder.file("b.h5"));
    from.write<float>("x", {1}, std::vector<float>{1});
    to.write<float>("y", {1}, std::vector<float>{1});
    for (auto const& [key, value] : examples()) { from.set_attribute("/x", key, value); }
    to.copy_attributes(from, "/x", "/y");
    for (auto const& [key, value] : examples()) { EXPECT_EQ(to.attribute("/y", key), value) << key; }
}

}  // namespace
}  // namespace aureole::hdf5
