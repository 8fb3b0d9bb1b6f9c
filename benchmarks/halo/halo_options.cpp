#include "benchmarks/halo/halo_options.hpp"

#include <charconv>
#include <functional>
#include <map>

#include "core/error.hpp"

namespace aureole::benchmarks {

namespace {

[[noreturn]] void refuse(std::string_view value, std::string_view wanted) {
    fail(ExitCode::bad_deck, "'{}' is not {}: see --help", value, wanted);
}

std::vector<std::string> split(std::string_view text, char separator) {
    std::vector<std::string> parts;
    while (true) {
        auto const end = text.find(separator);
        parts.emplace_back(text.substr(0, end));
        if (end == std::string_view::npos) { return parts; }
        text.remove_prefix(end + 1);
    }
}

Index natural(std::string const& text) {
    Index value = -1;
    auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size() || value < 0) { refuse(text, "a natural number"); }
    return value;
}

Index positive(std::string const& text) {
    Index const value = natural(text);
    if (value == 0) { refuse(text, "a positive number"); }
    return value;
}

std::array<Index, 2> extents(std::string const& text) {
    std::vector<std::string> const parts = split(text, 'x');
    if (parts.size() > 2) { refuse(text, "an image size such as 512 or 333x257"); }
    return {positive(parts.front()), positive(parts.back())};
}

Slicing slicing(std::string const& text) {
    if (text == "square") { return Slicing::square; }
    if (text == "vertical") { return Slicing::vertical; }
    if (text == "horizontal") { return Slicing::horizontal; }
    refuse(text, "square, vertical or horizontal");
}

DType floating_type(std::string const& text) {
    for (DType const dtype : {DType::f32, DType::bf16, DType::f64}) {
        if (text == name_of(dtype)) { return dtype; }
    }
    refuse(text, "f32, bf16 or f64");
}

bool on_or_off(std::string const& text) {
    if (text != "on" && text != "off") { refuse(text, "on or off"); }
    return text == "on";
}

using Setter = std::function<void(std::string const&)>;

template <class T>
Setter list(std::vector<T>& target, T (*parse)(std::string const&)) {
    return [&target, parse](std::string const& value) {
        target.clear();
        for (std::string const& each : split(value, ',')) { target.push_back(parse(each)); }
    };
}

template <class T>
Setter single(T& target, T (*parse)(std::string const&)) {
    return [&target, parse](std::string const& value) { target = parse(value); };
}

/// Google Benchmark would choose by each rank's clock or dice: ranks would wait for each other for ever.
void refuse_what_ranks_decide_alone(std::string const& name) {
    bool const alone = name == "--benchmark_enable_random_interleaving" || name == "--benchmark_min_warmup_time";
    require(!alone, ExitCode::bad_deck,
            "{} cannot be used here (every rank would choose for itself): leave it out, and see --warmup", name);
}

}  // namespace

std::string_view halo_usage() {
    return R"(mpirun -np N halo_benchmark [--option=value ...] [--benchmark_option=value ...]

Exchanges the borders of tiles, one tile per rank, alone and together with convolutions; checks that strips and
convolutions are those of the whole image. Lists are separated by commas; every combination is run.

  --image=512,333x257        size of the image, H or HxW
  --batch=1                  samples
  --halo=1,3                 width of the border; kernels are 2 * halo + 1 wide in both directions, or in one
  --channels=16              channels that are exchanged
  --filters=16               output channels of the convolution
  --slicing=square,vertical,horizontal
  --dtype=f32                f32, bf16, f64
  --iterations=20            timed, of each case
  --warmup=3                 not timed
  --validate=on              off: do not compare with the whole image
  --whole=on                 off: do not convolve the whole image, for which every rank needs memory

Choose with --benchmark_filter, e.g. '^exchange/' or 'convolution/.*kernel_1x'; --benchmark_counters_tabular=true
aligns the counters.
)";
}

HaloOptions parse_halo_options(std::vector<std::string>& words) {
    HaloOptions options;
    std::map<std::string, Setter> const setters{
        {"--image", list(options.images, extents)},       {"--batch", list(options.batches, positive)},
        {"--halo", list(options.halos, positive)},        {"--channels", list(options.channels, positive)},
        {"--filters", list(options.filters, positive)},   {"--slicing", list(options.slicings, slicing)},
        {"--dtype", list(options.dtypes, floating_type)}, {"--iterations", single(options.iterations, positive)},
        {"--warmup", single(options.warmup, natural)},    {"--validate", single(options.validate, on_or_off)},
        {"--whole", single(options.whole, on_or_off)},
    };
    std::vector<std::string> others;
    for (std::string const& word : words) {
        auto const equals = word.find('=');
        std::string const name = word.substr(0, equals);
        auto const found = setters.find(name);
        if (found == setters.end()) {
            refuse_what_ranks_decide_alone(name);
            others.push_back(word);
            continue;
        }
        require(equals != std::string::npos, ExitCode::bad_deck, "{} has no value: write {}=value", name, name);
        found->second(word.substr(equals + 1));
    }
    words = std::move(others);
    return options;
}

}  // namespace aureole::benchmarks
