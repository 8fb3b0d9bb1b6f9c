// What a file leads to: links among its groups, links that lead nowhere, and files outside of its folder.
#include <hdf5.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>

#include "io/hdf5/file.hpp"
#include "unit_tests/io/hdf5/scratch_folder.hpp"

namespace aureole::hdf5 {
namespace {

using testing::expect_error;
using testing::ScratchFolder;

void write_numbers(std::string const& path, std::vector<float> const& values = {1, 2}) {
    std::filesystem::create_directories(std::filesystem::path(path).parent_path());
    File::create(path).write<float>("x", {static_cast<Index>(values.size())}, values);
}

/// Work on an open file of the library's own.
template <class Work>
void change(std::string const& path, Work work) {
    hid_t const file = H5Fopen(path.c_str(), H5F_ACC_RDWR, H5P_DEFAULT);
    work(file);
    H5Fclose(file);
}

void write_external_link(std::string const& path, std::string const& target) {
    write_numbers(path);
    change(path, [&](hid_t file) { H5Lcreate_external(target.c_str(), "/x", file, "/far", H5P_DEFAULT, H5P_DEFAULT); });
}

/// Dataset "far" of one element in a raw file.
void write_external_storage(std::string const& path, std::string const& raw) {
    write_numbers(path);
    change(path, [&](hid_t file) {
        hsize_t const extent = 1;
        hid_t const properties = H5Pcreate(H5P_DATASET_CREATE), space = H5Screate_simple(1, &extent, nullptr);
        H5Pset_external(properties, raw.c_str(), 0, 4);
        H5Dclose(H5Dcreate2(file, "far", H5T_NATIVE_FLOAT, space, H5P_DEFAULT, properties, H5P_DEFAULT));
        H5Sclose(space);
        H5Pclose(properties);
    });
}

/// Dataset "far", which is the dataset "x" of another file.
void write_virtual(std::string const& path, std::string const& source) {
    write_numbers(path);
    change(path, [&](hid_t file) {
        hsize_t const extent = 2;
        hid_t const properties = H5Pcreate(H5P_DATASET_CREATE), space = H5Screate_simple(1, &extent, nullptr);
        H5Pset_virtual(properties, space, source.c_str(), "x", space);
        H5Dclose(H5Dcreate2(file, "far", H5T_NATIVE_FLOAT, space, H5P_DEFAULT, properties, H5P_DEFAULT));
        H5Sclose(space);
        H5Pclose(properties);
    });
}

std::vector<float> read_far(std::string const& path, Outside outside = Outside::refuse) {
    Dataset const dataset = File::open(path, outside).dataset("far");
    dataset.require_stored(Unwritten::refuse);
    return dataset.read_all<float>();
}

TEST(Hdf5Links, GroupsWithinThemselvesAreListedOnce) {
    ScratchFolder const folder;
    std::string const path = folder.file("a.h5");
    File::create(path).write<float>("/a/b/x", {1}, std::vector<float>{1});
    change(path, [](hid_t file) {
        H5Lcreate_hard(file, "/a", file, "/a/b/again", H5P_DEFAULT, H5P_DEFAULT);
        H5Lcreate_soft("/", file, "/a/root", H5P_DEFAULT, H5P_DEFAULT);
        H5Lcreate_soft("/a/loop", file, "/a/loop", H5P_DEFAULT, H5P_DEFAULT);
        H5Lcreate_external("a.h5", "/", file, "/a/self", H5P_DEFAULT, H5P_DEFAULT);
        H5Lcreate_hard(file, "/a/b", file, "/alias", H5P_DEFAULT, H5P_DEFAULT);
    });
    EXPECT_EQ(File::open(path).datasets(), (std::vector<std::string>{"/a/b/x", "/alias/x"}));
}

TEST(Hdf5Links, GroupsWithMorePathsThanAnyoneReadsAreAnErrorOfListsOnly) {
    ScratchFolder const folder;
    std::string const path = folder.file("a.h5");
    std::string way;
    for (int i = 0; i < 30; ++i) { way += "/g"; }
    File::create(path).write<float>(way + "/x", {1}, std::vector<float>{1});
    change(path, [&](hid_t file) {
        for (std::size_t end = 2; end < way.size(); end += 2) {
            std::string const group = way.substr(0, end);
            H5Lcreate_hard(file, (group + "/g").c_str(), file, (group + "/h").c_str(), H5P_DEFAULT, H5P_DEFAULT);
        }
    });
    File const file = File::open(path);
    EXPECT_EQ(file.dataset(way + "/x").volume(), 1);
    expect_error(ExitCode::data_error, {"a.h5", "more than 65536 paths beside their first"},
                 [&] { (void)file.datasets(); });
    expect_error(ExitCode::data_error, {"a.h5", "no dataset 'y'", "g/x"}, [&] { (void)file.dataset("y"); });
}

TEST(Hdf5Links, ThoseThatLeadNowhereSaySo) {
    ScratchFolder const folder;
    std::string const path = folder.file("a.h5");
    write_external_link(path, "gone.h5");
    change(path, [](hid_t file) {
        H5Lcreate_soft("/old/x", file, "/new", H5P_DEFAULT, H5P_DEFAULT);
        H5Lcreate_external("a.h5", "/y", file, "/near", H5P_DEFAULT, H5P_DEFAULT);
    });
    File const file = File::open(path);
    EXPECT_EQ(file.datasets(), std::vector<std::string>{"/x"});
    EXPECT_EQ(file.dangling_links(), (std::vector<std::string>{"/far", "/near", "/new"}));
    expect_error(ExitCode::data_error, {"'/new' of", "a link to '/old/x' of the same file, where nothing is"},
                 [&] { (void)file.dataset("new"); });
    expect_error(ExitCode::data_error, {"'/new' of", "where nothing is"}, [&] { (void)file.dataset("/new/part/x"); });
    expect_error(ExitCode::data_error, {"'/far' of", "'/x' of the file 'gone.h5', which is missing"},
                 [&] { (void)file.dataset("far"); });
    expect_error(ExitCode::data_error, {"'/near' of", "'/y' of", "a.h5"}, [&] { (void)file.dataset("near"); });
}

TEST(Hdf5Outside, IsNotReadUnlessAllowed) {
    ScratchFolder const folder;
    std::string const path = folder.file("data/a.h5"), other = folder.file("data_other/b.h5");
    write_numbers(other, {3, 4});
    std::ofstream(folder.file("data_other/b.raw")) << "abcd";
    std::string const raw = folder.file("data_other/b.raw");
    auto const refused = [&](std::string const& what) {
        expect_error(ExitCode::data_error, {what, "leads out of the folder of '" + path, "b.", "outside: allow"},
                     [&] { (void)read_far(path); });
    };
    for (std::string const& name : {other, std::string("../data_other/b.h5")}) {
        write_external_link(path, name);
        refused("has an external link to '/x'");
        expect_error(ExitCode::data_error, {"leads out of the folder"}, [&] { (void)File::open(path).datasets(); });
        EXPECT_EQ(File::open(path).read<float>("x"), (std::vector<float>{1, 2})) << "the rest is read as ever";
        EXPECT_EQ(read_far(path, Outside::allow), (std::vector<float>{3, 4}));
        write_virtual(path, name);
        refused("'far' of '" + path + "' is a virtual dataset");
        expect_error(ExitCode::data_error, {"leads out of"}, [&] { (void)File::open(path).dataset("far"); });
        EXPECT_EQ(read_far(path, Outside::allow), (std::vector<float>{3, 4}));
    }
    for (std::string const& name : {raw, std::string("../data_other/b.raw")}) {
        write_external_storage(path, name);
        refused("lies in external storage");
        EXPECT_EQ(read_far(path, Outside::allow).size(), 1U);
    }
}

TEST(Hdf5Outside, BeginsWhereTheFolderOfTheFirstFileEnds) {
    ScratchFolder const folder;
    std::string const path = folder.file("data/a.h5");
    write_numbers(folder.file("data/part/b.h5"), {3, 4});
    for (std::string const& name :
         {std::string("part/b.h5"), folder.file("data/part/b.h5"), std::string("part/../part/b.h5")}) {
        write_external_link(path, name);
        EXPECT_EQ(read_far(path), (std::vector<float>{3, 4})) << name;
        write_virtual(path, name);
        EXPECT_EQ(read_far(path), (std::vector<float>{3, 4})) << name;
    }
    // from a folder below back to the first
    std::string const below = folder.file("data/part/c.h5");
    write_external_link(below, "../x.h5");
    write_numbers(folder.file("data/x.h5"), {5});
    write_numbers(path);
    change(path, [](hid_t file) { H5Lcreate_external("part/c.h5", "/far", file, "/far", H5P_DEFAULT, H5P_DEFAULT); });
    EXPECT_EQ(read_far(path), std::vector<float>{5});
    std::filesystem::copy_file(folder.file("data/x.h5"), folder.file("data/part/x.h5"));
    write_virtual(below, "x.h5");
    expect_error(ExitCode::data_error, {"takes more of its source"}, [&] { (void)read_far(path); });
    write_numbers(folder.file("data/part/x.h5"), {6, 7});
    EXPECT_EQ(read_far(path), (std::vector<float>{6, 7})) << "sources are looked for beside the file that names them";
    write_external_link(below, "../x.h5");
    expect_error(ExitCode::data_error, {"leads out of the folder of '" + below}, [&] { (void)read_far(below); });
}

TEST(Hdf5Outside, LinksOfTheUserAndPrefixesAreHisOwn) {
    ScratchFolder const folder;
    std::string const path = folder.file("data/a.h5");
    write_external_link(path, "b.h5");
    write_numbers(folder.file("elsewhere/b.h5"), {3, 4});
    std::filesystem::create_symlink(folder.file("elsewhere/b.h5"), folder.file("data/b.h5"));
    EXPECT_EQ(read_far(path), (std::vector<float>{3, 4}));
    std::filesystem::create_directory_symlink(folder.file("data"), folder.file("link"));
    EXPECT_EQ(read_far(folder.file("link/a.h5")), (std::vector<float>{3, 4}));
    std::filesystem::create_symlink(folder.file("data/a.h5"), folder.file("a.h5"));
    EXPECT_EQ(read_far(folder.file("a.h5")), (std::vector<float>{3, 4}));
    std::filesystem::remove(folder.file("data/b.h5"));
    setenv("HDF5_EXT_PREFIX", folder.file("elsewhere").c_str(), 1);
    EXPECT_EQ(read_far(path), (std::vector<float>{3, 4}));
    unsetenv("HDF5_EXT_PREFIX");
}

TEST(Hdf5File, LockedFilesAreSaidToBeWritten) {
    ScratchFolder const folder;
    std::string const path = folder.file("a.h5");
    write_numbers(path);
    std::FILE* const writer = std::fopen(path.c_str(), "r+");
    ASSERT_EQ(flock(fileno(writer), LOCK_EX), 0);
    expect_error(ExitCode::data_error, {"a.h5", "has it open for writing", "HDF5_USE_FILE_LOCKING=FALSE"},
                 [&] { (void)File::open(path); });
    std::fclose(writer);
    EXPECT_NO_THROW((void)File::open(path));
}

TEST(Hdf5File, FilesThatTheirWriterNeverClosedAreSaidToBe) {
    ScratchFolder const folder;
    std::string const path = folder.file("a.h5");
    pid_t const writer = fork();
    if (writer == 0) {
        hid_t const access = H5Pcreate(H5P_FILE_ACCESS);
        H5Pset_libver_bounds(access, H5F_LIBVER_LATEST, H5F_LIBVER_LATEST);
        hid_t const file = H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, access);
        H5Fflush(file, H5F_SCOPE_GLOBAL);
        _exit(0);
    }
    ASSERT_EQ(waitpid(writer, nullptr, 0), writer);
    expect_error(ExitCode::data_error, {"a.h5", "ended before it closed it", "h5clear -s"},
                 [&] { (void)File::open(path); });
}

TEST(Hdf5File, EmptyFilesAndLinksWithoutATargetAreNamedAsSuch) {
    ScratchFolder const folder;
    std::ofstream(folder.file("a.h5")).close();
    expect_error(ExitCode::data_error, {"a.h5", "is empty"}, [&] { (void)File::open(folder.file("a.h5")); });
    std::filesystem::create_symlink("gone.h5", folder.file("b.h5"));
    std::filesystem::create_symlink("gone", folder.file("c"));
    expect_error(ExitCode::data_error, {"b.h5' is a link to 'gone.h5', whose target is gone"},
                 [&] { (void)File::open(folder.file("b.h5")); });
    expect_error(ExitCode::data_error, {"c' is a link to 'gone', whose target is gone"},
                 [&] { (void)File::open(folder.file("c/d.h5")); });
}

}  // namespace
}  // namespace aureole::hdf5
