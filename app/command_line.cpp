#include "app/command_line.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <sstream>

#include "core/error.hpp"
#include "core/version.hpp"
#include "io/deck/scalar.hpp"

namespace aureole {

namespace {

void add_deck(CLI::App& verb, Command& command) {
    verb.add_option("deck", command.deck, "the deck (YAML)")->required();
    verb.add_option("overrides", command.overrides, "key.sub=value, replaces a value of the deck");
}

void add_local(CLI::App& verb, Command& command) {
    verb.add_option("--local", command.local,
                    "start this many ranks on this machine, by the launcher of the MPI that the program was built with")
        ->check(CLI::Range(1, 65536));
}

void add_convert(CLI::App& verb, ConvertCommand& convert) {
    verb.add_option(
            "kind", convert.kind,
            "idx (IDX images and labels), cifar10 (binary batches), folder (one folder of images per class), masks "
            "(folder or file of images with --labels masks), npy (arrays), hdf5 (rewrites the datasets of a file)")
        ->required()
        ->check(CLI::IsMember({"idx", "cifar10", "folder", "masks", "npy", "hdf5"}));
    verb.add_option("sources", convert.sources, "files or folders to read")->required();
    verb.add_option("--labels", convert.labels, "second source: labels (idx, npy) or masks");
    verb.add_flag("--depth", convert.depth,
                  "masks: the pages of a TIFF file are the depth of one sample, not samples of their own");
    verb.add_flag(
        "--skip-damaged", convert.skip_damaged,
        "folder, masks: leave out images that cannot be decoded, and name them; without it they are an error");
    verb.add_flag("--outside", convert.outside,
                  "hdf5: read files outside of the source's folder that it leads to (external links, external storage, "
                  "sources of virtual datasets)");
    verb.add_option("-o,--output", convert.output, "HDF5 file to write")->required();
    verb.add_option("--x", convert.x, "dataset of the images")->capture_default_str();
    verb.add_option("--y", convert.y, "dataset of the labels")->capture_default_str();
    verb.add_option("--chunk", convert.chunk,
                    "chunk extents of the images, one per axis; default: one sample, at most 1 MiB")
        ->delimiter(',');
    verb.add_option("--deflate", convert.deflate, "compression level, 0 to 9")
        ->check(CLI::Range(0, 9))
        ->capture_default_str();
    verb.add_flag("--no-shuffle", convert.no_shuffle, "compress without the byte shuffle");
}

void add_verify(CLI::App& verb, VerifyCommand& verify) {
    verb.add_option("--steps", verify.steps, "updates to compare")->check(CLI::Range(1, 1000))->capture_default_str();
    verb.add_flag("--compound", verify.compound,
                  "let grid and rank run on, each from its own state, instead of beginning every step from one");
    verb.add_option("--precision", verify.precision, "f64 (a proof), f32 or bf16 instead of the deck's")
        ->check(CLI::IsMember({"f64", "f32", "bf16"}));
    verb.add_option("--activations", verify.activations,
                    "names or globs of the values to compare; default: every operator's result");
    verb.add_option("--seams", verify.seams,
                    "draw the error of the first value that departs, or of the output, as PNG");
    verb.add_option("--break-halo", verify.break_halo,
                    "leave out the exchange of this value, to see that the comparison finds it");
}

std::vector<std::string> verbs_of(CLI::App const& app) {
    std::vector<std::string> names;
    for (CLI::App const* const verb : app.get_subcommands({})) { names.push_back(verb->get_name()); }
    return names;
}

/// What is wrong with the first word, which is to be a verb.
std::string fault_of_verb(std::string const& word, std::vector<std::string> const& verbs) {
    if (auto const near = deck::nearest(word, verbs)) {
        return fmt::format("'{}' is no verb: did you mean '{}'?", word, *near);
    }
    std::error_code error;
    bool const is_deck = std::filesystem::is_regular_file(word, error);
    return fmt::format("'{}' is no verb (verbs are {}): {}", word, deck::join(verbs),
                       is_deck ? fmt::format("to train this deck, write aureole run {}", word) : "choose one of them");
}

/// The first word that begins with "--" and is no option of the verb, and the option that is spelt alike; empty if
/// there is none.
std::string fault_of_options(std::vector<std::string> const& words, CLI::App const& verb) {
    std::vector<std::string> names;
    for (CLI::Option const* const option : verb.get_options()) {
        for (std::string const& name : option->get_lnames()) { names.push_back("--" + name); }
    }
    for (std::string const& word : words) {
        std::string const name = word.substr(0, word.find('='));
        bool const is_known = std::find(names.begin(), names.end(), name) != names.end();
        if (!name.starts_with("--") || is_known) { continue; }
        auto const near = deck::nearest(name, names);
        return fmt::format("'{}' is no option of {} (options are {}): {}", name, verb.get_name(), deck::join(names),
                           near ? fmt::format("did you mean '{}'?", *near) : "choose one of them");
    }
    return {};
}

/// What is wrong with a command line that cannot be read, and what may be meant.
std::string fault_of(std::vector<std::string> const& words, CLI::App const& app, std::string const& reason) {
    std::vector<std::string> const verbs = verbs_of(app);
    if (words.empty()) { return fmt::format("no verb is given (verbs are {}): see aureole --help", deck::join(verbs)); }
    std::string const& first = words.front();
    bool const is_verb = std::find(verbs.begin(), verbs.end(), first) != verbs.end();
    if (!is_verb && !first.starts_with('-')) { return fault_of_verb(first, verbs); }
    std::string const option = fault_of_options(words, is_verb ? *app.get_subcommand(first) : app);
    return option.empty() ? fmt::format("{}: see aureole {}--help", reason, is_verb ? first + " " : "") : option;
}

}  // namespace

Command parse_command_line(int argc, char const* const* argv) {
    Command command;
    CLI::App app{"Aureole trains deep networks on images too large for one device.", "aureole"};
    app.set_version_flag("--version", std::string(version()) + " (" + std::string(git_hash()) + ")");
    app.require_subcommand(1);
    app.failure_message(CLI::FailureMessage::simple);

    CLI::App& run = *app.add_subcommand("run", "train the network of a deck");
    add_deck(run, command);
    add_local(run, command);
    run.add_option(
        "--dump", command.dump,
        "write loss, outputs, activations asked for, parameters and gradients of the last step to this HDF5 file");
    run.add_flag("--profile", command.profile, "time every operator of one step and print the table");
    run.add_option(
        "--trace", command.trace,
        "write what every rank and operator did when in the last step, for Chrome's trace viewer or Perfetto (JSON)");
    CLI::App& plan = *app.add_subcommand(
        "plan",
        "print a deck's stages, the memory of every rank, messages and the bubble of its schedule; needs neither data "
        "nor MPI");
    add_deck(plan, command);
    plan.add_option("--timeline", command.timeline, "draw the simulated schedule (SVG)");
    CLI::App& verify = *app.add_subcommand(
        "verify",
        "run a deck's first steps on its grid and on one rank, and compare loss, activations, gradients and "
        "parameters; exit code 1 if they differ");
    add_deck(verify, command);
    add_local(verify, command);
    add_verify(verify, command.verify);
    CLI::App& check = *app.add_subcommand(
        "check", "read a deck, print every fault, the memory it needs and, in the last line, the verdict");
    add_deck(check, command);
    CLI::Option* const no_data =
        check.add_flag("--no-data", command.no_data, "do not open the data sets: for a machine that has none");
    check
        .add_flag("--data", command.read_data,
                  "read every sample once and report labels, statistics, duplicates and what training would refuse")
        ->excludes(no_data);
    check.add_flag("--resolved", command.resolved, "print the resolved deck first: every value that applies, as YAML");
    CLI::App& info = *app.add_subcommand("info", "version, libraries, deck reference");
    info.add_flag("--deck-reference", command.deck_reference, "print the deck reference (Markdown)");
    info.add_flag("--json-schema", command.json_schema, "print the JSON Schema of decks, for editors");
    info.add_option("--grid", command.grid, "print who owns what of a deck's image, and the halo of every operator");
    info.add_option("overrides", command.overrides, "key.sub=value for --grid");
    CLI::App& convert = *app.add_subcommand("convert", "write a data set as chunked HDF5");
    add_convert(convert, command.convert);

    try {
        app.parse(argc, argv);
    } catch (CLI::CallForHelp const&) {
        command.message = app.help();
        return command;
    } catch (CLI::CallForVersion const&) {
        command.message = app.version() + "\n";
        return command;
    } catch (CLI::ParseError const& error) {
        fail(ExitCode::bad_deck, "command line: {}",
             fault_of(std::vector<std::string>(argv + 1, argv + argc), app, error.what()));
    }
    if (run) { command.verb = Command::Verb::run; }
    if (plan) { command.verb = Command::Verb::plan; }
    if (verify) { command.verb = Command::Verb::verify; }
    if (check) { command.verb = Command::Verb::check; }
    if (info) { command.verb = Command::Verb::info; }
    if (convert) { command.verb = Command::Verb::convert; }
    return command;
}

}  // namespace aureole
