#include "unit_tests/app/process.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "io/hdf5/file.hpp"

namespace aureole::test {

namespace {

std::string quoted(std::string const& word) {
    std::string text = "'";
    for (char const letter : word) { letter == '\'' ? text += "'\\''" : text += letter; }
    return text + "'";
}

/// The program under test: the one built with the tests, or where it has been moved to.
std::string program() {
    char const* const moved = std::getenv("AUREOLE_EXECUTABLE");
    return moved != nullptr ? moved : AUREOLE_EXECUTABLE;
}

}  // namespace

Workplace::Workplace() {
    std::string pattern = (std::filesystem::temp_directory_path() / "aureole-app-XXXXXX").string();
    if (mkdtemp(pattern.data()) == nullptr) { fail(ExitCode::internal, "cannot create the folder {}", pattern); }
    folder_ = pattern;
}

Workplace::~Workplace() {
    std::error_code error;
    std::filesystem::remove_all(folder_, error);
}

void Workplace::write(std::string const& name, std::string const& text) const { std::ofstream(path(name)) << text; }

std::string Workplace::read(std::string const& name) const {
    std::ifstream const file(path(name));
    EXPECT_TRUE(file.good()) << name << " is missing";
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

Finished Workplace::launch(int ranks, std::vector<std::string> const& arguments) const {
    // MPI libraries keep what they allocate at start-up
    return aureole(arguments, fmt::format("ASAN_OPTIONS=detect_leaks=0 OMP_NUM_THREADS=1 OMPI_ALLOW_RUN_AS_ROOT=1 "
                                          "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 timeout 100 {} {} {} {}",
                                          AUREOLE_MPIEXEC, AUREOLE_MPIEXEC_NP, ranks, AUREOLE_MPIEXEC_FLAGS));
}

Finished Workplace::aureole(std::vector<std::string> const& arguments, std::string const& environment) const {
    std::string command = fmt::format("cd {} && {} {}", quoted(folder_.string()), environment, quoted(program()));
    for (std::string const& argument : arguments) { command += " " + quoted(argument); }
    int const status = std::system((command + " >output.txt 2>&1").c_str());
    return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, read("output.txt")};
}

std::vector<std::string> training_run(std::string const& folder, std::string const& activations,
                                      std::vector<std::string> const& overrides) {
    std::vector<std::string> arguments{"run",
                                       "deck.yaml",
                                       "output.folder=" + folder,
                                       "train.checkpoint.folder=" + folder + "/checkpoints",
                                       "--dump",
                                       folder + ".h5",
                                       "output.dump.activations=" + activations};
    arguments.insert(arguments.end(), overrides.begin(), overrides.end());
    return arguments;
}

void expect_code(Finished const& finished, ExitCode code) {
    EXPECT_EQ(finished.code, static_cast<int>(code)) << finished.output;
}

std::string small_deck() {
    return R"(name: small
model: {name: resnet_cifar, depth: 8, width: 4, classes: 4}
image: {size: [16, 16], channels: 3}
data:
  train: {kind: synthetic, samples: 32}
  eval: {kind: synthetic, samples: 10}
train:
  batch: 8
  steps: 4
  loss: softmax_cross_entropy
  metrics: [accuracy]
  optimizer: {name: sgd, lr: 0.05, momentum: 0.9}
)";
}

std::vector<std::string> tensors_of(hdf5::File const& file) {
    std::vector<std::string> names = file.datasets();
    std::erase_if(names, [](std::string const& name) { return name.starts_with("/run/"); });
    return names;
}

void expect_same_tensors(std::string const& got, std::string const& want) {
    auto const a = hdf5::File::open(got), b = hdf5::File::open(want);
    std::vector<std::string> const names = tensors_of(b);
    EXPECT_FALSE(names.empty());
    EXPECT_EQ(tensors_of(a), names);
    for (std::string const& name : names) {
        ASSERT_TRUE(a.contains(name)) << name;
        EXPECT_TRUE(a.read<double>(name) == b.read<double>(name)) << name << " differs";
    }
}

std::vector<std::vector<std::string>> csv_rows(std::string const& text) {
    std::vector<std::vector<std::string>> rows;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
        rows.emplace_back();
        std::istringstream cells(line);
        for (std::string cell; std::getline(cells, cell, ',');) { rows.back().push_back(cell); }
        if (!line.empty() && line.back() == ',') { rows.back().emplace_back(); }
    }
    return rows;
}

}  // namespace aureole::test
