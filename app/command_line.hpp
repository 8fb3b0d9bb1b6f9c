#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace aureole {

/// Options of `convert`; which of them count depends on the kind of source.
struct ConvertCommand {
    std::string kind;  ///< idx, cifar10, folder, masks, npy, hdf5
    std::vector<std::string> sources;
    std::string labels;  ///< second source: label file, or folder of masks
    std::string output;
    std::string x = "x", y = "y";
    std::vector<std::int64_t> chunk;
    int deflate = 1;
    bool no_shuffle = false;
    bool depth = false;
    bool skip_damaged = false;
    bool outside = false;
};

/// Options of `verify`.
struct VerifyCommand {
    std::int64_t steps = 2;
    bool compound = false;                 ///< steps run on, each grid from its own state
    std::string precision;                 ///< replaces the deck's: f64, f32, bf16; empty: the deck's
    std::vector<std::string> activations;  ///< names or globs; empty: all
    std::string seams;                     ///< PNG file of the error across tile borders; empty: none
    std::string break_halo;                ///< value whose exchange is left out: to see that it is found
};

/// What the user asked for.
struct Command {
    enum class Verb : std::uint8_t { none, run, plan, verify, check, info, convert };
    Verb verb = Verb::none;
    std::string deck;
    std::vector<std::string> overrides;
    std::optional<std::string> dump;      ///< run --dump FILE
    std::optional<std::string> trace;     ///< run --trace FILE
    std::optional<std::string> timeline;  ///< plan --timeline FILE
    bool no_data = false;                 ///< check --no-data
    bool read_data = false;               ///< check --data
    bool resolved = false;                ///< check --resolved
    bool profile = false;                 ///< run --profile
    std::optional<int> local;             ///< run, verify: --local N
    bool deck_reference = false, json_schema = false;
    ConvertCommand convert;
    VerifyCommand verify;
    std::optional<std::string> grid;  ///< info --grid DECK
    std::string message;              ///< help or version text: print and leave
};

/// Parses the command line; a bad one is an Error(bad_deck) that names the argument.
[[nodiscard]] Command parse_command_line(int argc, char const* const* argv);

}  // namespace aureole
