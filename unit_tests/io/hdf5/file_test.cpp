#include "io/hdf5/file.hpp"

#include <sys/resource.h>

#include <csignal>
#include <fstream>

#include "unit_tests/io/hdf5/scratch_folder.hpp"

namespace aureole::hdf5 {
namespace {

using testing::expect_error;
using testing::ScratchFolder;

void write_small(std::string const& path) {
    File file = File::create(path);
    std::vector<float> const values(4096, 2.5F);
    file.write<float>("/train/images", {64, 64}, values);
    file.write<float>("/train/labels", {64, 64}, values);
    file.create_group("/empty");
}

TEST(Hdf5File, ListsItsDatasets) {
    ScratchFolder const folder;
    write_small(folder.file("a.h5"));
    File const file = File::open(folder.file("a.h5"));
    EXPECT_EQ(file.datasets(), (std::vector<std::string>{"/train/images", "/train/labels"}));
    EXPECT_EQ(file.members("/"), (std::vector<std::string>{"empty", "train"}));
    EXPECT_TRUE(file.contains("train/images"));
    EXPECT_TRUE(file.contains("/empty"));
    EXPECT_FALSE(file.contains("/nothing/images"));
}

TEST(Hdf5File, AbsentFileNamesFilesAlike) {
    ScratchFolder const folder;
    write_small(folder.file("train.h5"));
    expect_error(ExitCode::data_error, {"tran.h5", "does not exist", "'train.h5'"},
                 [&] { auto const file = File::open(folder.file("tran.h5")); });
}

TEST(Hdf5File, FolderIsNoFile) {
    ScratchFolder const folder;
    expect_error(ExitCode::data_error, {"not a regular file"},
                 [&] { auto const f = File::open(folder.path().string()); });
}

TEST(Hdf5File, OtherFormatIsNoHdf5File) {
    ScratchFolder const folder;
    std::ofstream(folder.file("a.h5")) << "this is text, not HDF5";
    expect_error(ExitCode::data_error, {"a.h5", "not an HDF5 file", "aureole convert"},
                 [&] { auto const file = File::open(folder.file("a.h5")); });
}

TEST(Hdf5File, TruncatedFileIsCalledTruncated) {
    ScratchFolder const folder;
    write_small(folder.file("a.h5"));
    std::filesystem::resize_file(folder.file("a.h5"), 9000);
    expect_error(ExitCode::data_error, {"a.h5", "truncated", "again"},
                 [&] { auto const file = File::open(folder.file("a.h5")); });
}

TEST(Hdf5File, AbsentDatasetNamesDatasetsAlike) {
    ScratchFolder const folder;
    write_small(folder.file("a.h5"));
    expect_error(ExitCode::data_error, {"a.h5", "'/train/image'", "it has '/train/images'"},
                 [&] { auto const dataset = File::open(folder.file("a.h5")).dataset("/train/image"); });
}

TEST(Hdf5File, GroupIsNoDataset) {
    ScratchFolder const folder;
    write_small(folder.file("a.h5"));
    expect_error(ExitCode::data_error, {"'/train'", "a.h5", "/train/images"},
                 [&] { auto const dataset = File::open(folder.file("a.h5")).dataset("/train"); });
}

TEST(Hdf5File, FullDisksAreReportedAndLeaveTheProcessWhole) {
    ScratchFolder const folder;
    std::vector<float> const values(300, 1);
    rlimit before{};
    getrlimit(RLIMIT_FSIZE, &before);
    auto* const handler = std::signal(SIGXFSZ, SIG_IGN);
    int written = 0, refused = 0;
    for (rlim_t bytes = 0; bytes < 12000; bytes += 500) {
        rlimit const limit{bytes, before.rlim_max};
        setrlimit(RLIMIT_FSIZE, &limit);
        try {
            File file = File::create(folder.file("full.h5"));
            for (char const* const name : {"a", "b", "c"}) { file.write<float>(name, {300}, values).close(); }
            file.set_attribute("/", "step", std::int64_t{1});
            file.close();
            ++written;
        } catch (Error const& error) {
            EXPECT_EQ(error.code(), ExitCode::data_error) << error.what();
            EXPECT_NE(std::string(error.what()).find("file write failed: File too large)"), std::string::npos)
                << error.what();
            ++refused;
            continue;
        }
        EXPECT_EQ(File::open(folder.file("full.h5")).read<float>("c"), values);
    }
    setrlimit(RLIMIT_FSIZE, &before);
    std::signal(SIGXFSZ, handler);
    EXPECT_GT(written, 0);
    EXPECT_GT(refused, 5);
}

TEST(Hdf5File, IsWholeWhenItIsClosed) {
    ScratchFolder const folder;
    File file = File::create(folder.file("a.h5"));
    std::vector<float> const values(4, 1);
    Dataset dataset = file.write<float>("a", {4}, values);
    dataset.close();
    file.close();
    EXPECT_EQ(File::open(folder.file("a.h5")).read<float>("a"), values);
    EXPECT_NO_THROW(dataset.close());
    EXPECT_NO_THROW(file.close());
}

TEST(Hdf5File, UnwritableFolderIsReported) {
    ScratchFolder const folder;
    expect_error(ExitCode::data_error, {"cannot create", "none/a.h5"},
                 [&] { auto const file = File::create(folder.file("none/a.h5")); });
}

TEST(Hdf5File, DatasetOutlivesItsFile) {
    ScratchFolder const folder;
    write_small(folder.file("a.h5"));
    Dataset const dataset = File::open(folder.file("a.h5")).dataset("train/images");
    EXPECT_EQ(dataset.read_all<float>(), std::vector<float>(4096, 2.5F));
}

TEST(Hdf5File, OpenDatasetsAreListedAndHaveAttributes) {
    ScratchFolder const folder;
    write_small(folder.file("a.h5"));
    File const file = File::open(folder.file("a.h5"));
    Dataset const cached = file.dataset("train/images", std::size_t{4} << 20U);
    EXPECT_EQ(file.datasets().size(), 2U);
    EXPECT_EQ(file.attribute("train/images", "none"), std::nullopt);
    EXPECT_EQ(file.dataset("train/images").read_all<float>(), cached.read_all<float>());
}

TEST(NamesLike, ComparesTheLastComponentFirst) {
    EXPECT_EQ(names_like("/x/image", {"/scratch/quantities", "/train/images", "/train/labels"}, 2),
              (std::vector<std::string>{"/train/images", "/train/labels"}));
}

}  // namespace
}  // namespace aureole::hdf5
