#include "io/log/run_log.hpp"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <csignal>
#include <fstream>
#include <sstream>

#include "io/log/earlier_log.hpp"
#include "io/picture/curves.hpp"
#include "unit_tests/io/hdf5/scratch_folder.hpp"

namespace aureole {
namespace {

using testing::ScratchFolder;

LogRecord record_of(Index step, double loss = 1) {
    LogRecord record;
    record.step = step;
    record.loss = loss;
    record.metrics = {{"accuracy", 0.5}};
    return record;
}

class RunLogs : public ::testing::Test {
  protected:
    ScratchFolder folder;

    void log(Index first_step, std::vector<Index> const& steps,
             std::vector<std::string> const& metrics = {"accuracy"}) const {
        RunLog log(folder.path().string(), metrics, first_step);
        for (Index const step : steps) { log.write(record_of(step, static_cast<double>(first_step))); }
    }
    [[nodiscard]] std::string content(std::string const& name) const {
        std::ifstream const file(folder.file(name));
        std::ostringstream text;
        text << file.rdbuf();
        return text.str();
    }
    void write(std::string const& name, std::string const& text) const { std::ofstream(folder.file(name)) << text; }
    /// Second column of all lines.
    [[nodiscard]] std::vector<std::string> steps(std::string const& name) const {
        std::vector<std::string> steps;
        std::istringstream lines(content(name));
        for (std::string line, cell; std::getline(lines, line); steps.push_back(cell)) {
            std::istringstream cells(line);
            for (int i = 0; i < 2; ++i) { std::getline(cells, cell, ','); }
        }
        return steps;
    }
};

using Cells = std::vector<std::string>;

TEST_F(RunLogs, KeepTheStepsBeforeAResume) {
    log(0, {1, 2, 3, 4});
    log(2, {});
    EXPECT_EQ(steps("metrics.csv"), (Cells{"step", "1", "2"})) << "there before the resumed run writes anything";
    EXPECT_EQ(steps("metrics.superseded.csv"), (Cells{"step", "3", "4"}));
    EXPECT_EQ(steps("metrics.jsonl"), (Cells{"\"step\":1", "\"step\":2"}));
    EXPECT_EQ(steps("metrics.superseded.jsonl"), (Cells{"\"step\":3", "\"step\":4"}));
    log(2, {3});
    log(2, {3});
    EXPECT_EQ(steps("metrics.csv"), (Cells{"step", "1", "2", "3"}));
    EXPECT_EQ(steps("metrics.superseded.csv"), (Cells{"step", "3", "4", "3"}));
}

TEST_F(RunLogs, AreNotTouchedWhereNothingIsDoneAgain) {
    log(0, {1, 2});
    auto const written = std::filesystem::last_write_time(folder.file("metrics.csv"));
    auto const file = std::filesystem::status(folder.file("metrics.csv"));
    log(2, {});
    EXPECT_EQ(std::filesystem::last_write_time(folder.file("metrics.csv")), written);
    EXPECT_EQ(std::filesystem::status(folder.file("metrics.csv")).type(), file.type());
    EXPECT_FALSE(std::filesystem::exists(folder.file("metrics.superseded.csv")));
}

TEST_F(RunLogs, OfAnotherRunAreNotLost) {
    log(0, {1, 2});
    log(0, {1});
    EXPECT_EQ(steps("metrics.csv"), (Cells{"step", "1"}));
    EXPECT_EQ(steps("metrics.superseded.csv"), (Cells{"step", "1", "2"}));
}

TEST_F(RunLogs, SupersedeOnceWhatACrashLeftInBothFiles) {
    log(0, {1, 2, 3});
    std::string const csv = content("metrics.csv"), json = content("metrics.jsonl");
    log(1, {});
    write("metrics.csv", csv);
    write("metrics.jsonl", json);
    log(1, {});
    EXPECT_EQ(steps("metrics.csv"), (Cells{"step", "1"}));
    EXPECT_EQ(steps("metrics.superseded.csv"), (Cells{"step", "2", "3"}));
    EXPECT_EQ(steps("metrics.superseded.jsonl"), (Cells{"\"step\":2", "\"step\":3"}));
}

TEST_F(RunLogs, DropTheHalfLineOfACrash) {
    log(0, {1, 2});
    std::string const csv = content("metrics.csv"), json = content("metrics.jsonl");
    write("metrics.csv", csv + "train,3,0.");
    write("metrics.jsonl", json + "{\"kind\":\"train\",\"st");
    log(2, {});
    EXPECT_EQ(content("metrics.csv"), csv);
    EXPECT_EQ(content("metrics.jsonl"), json);
    write("metrics.csv", "kind,step");
    log(0, {1});
    EXPECT_EQ(steps("metrics.csv"), (Cells{"step", "1"}));
}

TEST_F(RunLogs, GoOnUnderOtherColumns) {
    log(0, {1, 2, 3});
    std::string const old = content("metrics.csv");
    log(2, {3}, {"iou", "accuracy"});
    EXPECT_EQ(content("metrics_2.csv"), old);
    std::vector<LogRecord> const records = read_run_log(folder.file("metrics.csv"));
    ASSERT_EQ(records.size(), 3U);
    EXPECT_EQ(records[1].metrics, (std::vector<std::pair<std::string, double>>{{"accuracy", 0.5}}));
    log(1, {2}, {"accuracy"});
    EXPECT_TRUE(std::filesystem::exists(folder.file("metrics_1.csv")));
    write("metrics.csv", "what is this\n1,2,3\n");
    log(1, {2});
    EXPECT_EQ(content("metrics_1_2.csv"), "what is this\n1,2,3\n");
    EXPECT_EQ(steps("metrics.csv"), (Cells{"step", "2"}));
}

TEST_F(RunLogs, KeepDamagedLinesWhichCurvesLeaveOut) {
    log(0, {1, 2, 3});
    std::string csv = content("metrics.csv");
    csv.replace(csv.find("train,2,"), 8, "train,2x,");
    csv.insert(csv.find("train,3,"), "\x01\xff\ntrain,2\neval,2,1,abc,0,0,0,0,,1\ntrain,zwei,1,1,0,0,0,0,,1\n");
    write("metrics.csv", csv);
    log(3, {4});
    EXPECT_TRUE(content("metrics.csv").starts_with(csv));
    ::testing::internal::CaptureStderr();
    std::vector<LogRecord> const records = read_run_log(folder.file("metrics.csv"));
    std::string const said = ::testing::internal::GetCapturedStderr();
    ASSERT_EQ(records.size(), 3U);
    EXPECT_EQ(records[1].step, 3);
    EXPECT_NE(said.find("left out of the curves: 5"), std::string::npos) << said;
    EXPECT_EQ(std::count(said.begin(), said.end(), '\n'), 1);
}

TEST_F(RunLogs, AreNotWrittenIntoPipes) {
    ASSERT_EQ(::mkfifo(folder.file("metrics.csv").c_str(), 0600), 0);
    testing::expect_error(ExitCode::data_error, {"metrics.csv", "a device or a pipe"}, [&] { log(0, {}); });
}

/// Files may have that many bytes for as long as this lives.
class FileLimit {
  public:
    explicit FileLimit(rlim_t bytes) : handler_(std::signal(SIGXFSZ, SIG_IGN)) {
        getrlimit(RLIMIT_FSIZE, &before_);
        rlimit const limit{bytes, before_.rlim_max};
        setrlimit(RLIMIT_FSIZE, &limit);
    }
    FileLimit(FileLimit const&) = delete;
    FileLimit& operator=(FileLimit const&) = delete;
    ~FileLimit() {
        setrlimit(RLIMIT_FSIZE, &before_);
        std::signal(SIGXFSZ, handler_);
    }

  private:
    rlimit before_{};
    void (*handler_)(int);
};

TEST_F(RunLogs, TellWhatAFullDiskTakes) {
    LogFile log(folder.file("log"));
    std::string const first = std::string(4000, '-') + "\n";  // more than is told, which may be captured in a file
    log.append(first);
    ::testing::internal::CaptureStderr();
    {
        FileLimit const limit(first.size() + 4);  // half of the next line
        log.append("second\n");
        log.append("third\n");
    }
    log.append("fourth\n");
    std::string const said = ::testing::internal::GetCapturedStderr();
    EXPECT_EQ(content("log"), first + "fourth\n");
    EXPECT_EQ(log.lost(), 2);
    EXPECT_EQ(std::count(said.begin(), said.end(), '\n'), 2) << said;
    EXPECT_NE(said.find("could not be written"), std::string::npos) << said;
    EXPECT_NE(said.find("2 lines of it are lost"), std::string::npos) << said;
}

}  // namespace
}  // namespace aureole
