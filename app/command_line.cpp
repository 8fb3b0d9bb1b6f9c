#include "app/command_line.hpp"

#include <CLI/CLI.hpp>
#include <sstream>

#include "core/error.hpp"
#include "core/version.hpp"

namespace aureole {

namespace {

void add_deck(CLI::App& verb, Command& command) {
    verb.add_option("deck", command.deck, "the deck (YAML)")->required();
    verb.add_option("overrides", command.overrides, "key.sub=value, replaces a value of the deck");
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

}  // namespace

Command parse_command_line(int argc, char const* const* argv) {
    Command command;
    CLI::App app{"Aureole trains deep networks on images too large for one device.", "aureole"};
    app.set_version_flag("--version", std::string(version()) + " (" + std::string(git_hash()) + ")");
    app.require_subcommand(1);
    app.failure_message(CLI::FailureMessage::simple);

    CLI::App& run = *app.add_subcommand("run", "train the network of a deck");
    add_deck(run, command);
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
    add_verify(verify, command.verify);
    CLI::App& check =
        *app.add_subcommand("check", "read a deck, print every fault, the resolved deck and the memory it needs");
    add_deck(check, command);
    CLI::Option* const no_data =
        check.add_flag("--no-data", command.no_data, "do not open the data sets: for a machine that has none");
    check
        .add_flag("--data", command.read_data,
                  "read every sample once and report labels, statistics, duplicates and what training would refuse")
        ->excludes(no_data);
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
        fail(ExitCode::bad_deck, "command line: {}: see aureole --help", error.what());
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
