#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "core/error.hpp"
#include "io/hdf5/file.hpp"

namespace aureole::test {

/// How a run of the program ended.
struct Finished {
    int code = -1;
    std::string output;  ///< both streams
    [[nodiscard]] bool says(std::string const& words) const { return output.find(words) != std::string::npos; }
};

/// A folder in which the program is started; gone when the test ends.
class Workplace {
  public:
    Workplace();
    ~Workplace();
    Workplace(Workplace const&) = delete;
    Workplace& operator=(Workplace const&) = delete;

    [[nodiscard]] std::string path(std::string const& name) const { return (folder_ / name).string(); }
    void write(std::string const& name, std::string const& text) const;
    [[nodiscard]] std::string read(std::string const& name) const;
    [[nodiscard]] bool contains(std::string const& name) const { return std::filesystem::exists(folder_ / name); }
    /// Starts `aureole <arguments>` in the folder; each argument is one word. `environment`: "NAME=value" settings.
    [[nodiscard]] Finished aureole(std::vector<std::string> const& arguments,
                                   std::string const& environment = "") const;
    /// The same as `ranks` processes under the MPI launcher, each with one thread.
    [[nodiscard]] Finished launch(int ranks, std::vector<std::string> const& arguments) const;

  private:
    std::filesystem::path folder_;
};

/// Arguments that train deck.yaml into `folder`, with checkpoints there and a dump of these activations beside it.
[[nodiscard]] std::vector<std::string> training_run(std::string const& folder, std::string const& activations,
                                                    std::vector<std::string> const& overrides);

/// Expects the exit code, and shows what the program said otherwise.
void expect_code(Finished const& finished, ExitCode code);

/// A deck that trains a small ResNet for four steps in well below a second.
[[nodiscard]] std::string small_deck();

/// The datasets of a checkpoint or a dump, without what a checkpoint says about its run.
[[nodiscard]] std::vector<std::string> tensors_of(hdf5::File const& file);

/// Both HDF5 files hold the same tensors with the same values, bit for bit; at least one.
void expect_same_tensors(std::string const& got, std::string const& want);

/// The rows of a CSV file, the first one being the heads.
[[nodiscard]] std::vector<std::vector<std::string>> csv_rows(std::string const& text);

}  // namespace aureole::test
