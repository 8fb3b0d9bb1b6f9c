#include "io/data/statistics.hpp"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <limits>

#include "core/error.hpp"
#include "io/data/normalization.hpp"
#include "io/file/new_file.hpp"

namespace aureole {

namespace {

constexpr char const* title = "# aureole statistics 1";
constexpr char const* columns = "channel mean deviation minimum maximum";
constexpr Index read_target = Index{1} << 20;  // elements read at a time

}  // namespace

StatisticsSum::StatisticsSum(Index channels)
    : channels_(channels),
      mean_(static_cast<std::size_t>(channels)),
      squares_(mean_.size()),
      minimum_(mean_.size(), std::numeric_limits<double>::infinity()),
      maximum_(mean_.size(), -std::numeric_limits<double>::infinity()),
      block_mean_(mean_.size()),
      block_squares_(mean_.size()) {}

template <class T>
void StatisticsSum::add(T const* x, Index pixels) {
    constexpr Index block = 4096;
    for (Index first = 0; first < pixels; first += block) {
        add_block(x + first * channels_, std::min(block, pixels - first));
    }
}

template <class T>
void StatisticsSum::add_block(T const* x, Index pixels) {
    auto const channels = static_cast<std::size_t>(channels_);
    std::fill(block_mean_.begin(), block_mean_.end(), 0.0);
    std::fill(block_squares_.begin(), block_squares_.end(), 0.0);
    T const* value = x;
    for (Index i = 0; i < pixels; ++i) {
        for (std::size_t c = 0; c < channels; ++c, ++value) {
            auto const v = static_cast<double>(*value);
            block_mean_[c] += v;
            minimum_[c] = std::min(minimum_[c], v);
            maximum_[c] = std::max(maximum_[c], v);
        }
    }
    for (double& mean : block_mean_) { mean /= static_cast<double>(pixels); }
    value = x;
    for (Index i = 0; i < pixels; ++i) {
        for (std::size_t c = 0; c < channels; ++c, ++value) {
            double const difference = static_cast<double>(*value) - block_mean_[c];
            block_squares_[c] += difference * difference;
        }
    }
    auto const before = static_cast<double>(count_), added = static_cast<double>(pixels), total = before + added;
    for (std::size_t c = 0; c < channels; ++c) {
        double const difference = block_mean_[c] - mean_[c];
        mean_[c] += difference * added / total;
        squares_[c] += block_squares_[c] + difference * difference * before * added / total;
    }
    count_ += pixels;
}

template void StatisticsSum::add(float const*, Index);
template void StatisticsSum::add(double const*, Index);

Statistics StatisticsSum::result() const {
    Statistics statistics{count_, mean_, squares_, minimum_, maximum_};
    for (double& value : statistics.deviation) {
        value = std::sqrt(value / static_cast<double>(std::max<Index>(1, count_)));
    }
    return statistics;
}

Statistics measure_statistics(Dataset const& dataset, NormalizeSpec const& normalize,
                              std::function<void(std::int64_t)> const& read) {
    Shape const shape = dataset.x_shape();
    StatisticsSum sum(shape.c);
    Normalization const preparation = Normalization::preparation(normalize, shape.c);
    // runs of small samples, slabs of rows of large ones
    Index const sample_volume = shape.elements_per_sample(), row = shape.w * shape.c;
    Index const run = std::max<Index>({1, dataset.run_length(), read_target / sample_volume});
    Index const rows = std::clamp<Index>(read_target / row, 1, shape.h);
    bool const by_rows = sample_volume > read_target;
    auto const most = static_cast<std::size_t>(by_rows ? rows * row : std::min(run, dataset.samples()) * sample_volume);
    bool const wide = dataset.x_is_wide();
    std::vector<double> prepared(most);
    std::vector<float> stored(wide ? 0 : most);
    auto const add = [&](std::int64_t first, std::int64_t count, Box const& box) {
        Index const pixels = count * box.shape().pixels_per_sample();
        if (wide) {
            dataset.read_x_wide(first, count, box, prepared.data());
            preparation.apply(prepared.data(), pixels, prepared.data());
        } else {
            dataset.read_x(first, count, box, stored.data());
            preparation.apply(stored.data(), pixels, prepared.data());
        }
        sum.add(prepared.data(), pixels);
        if (read) { read(first); }
    };
    for (std::int64_t first = 0; first < dataset.samples(); first += by_rows ? 1 : run) {
        if (!by_rows) {
            add(first, std::min(run, dataset.samples() - first), Box::whole(shape));
            continue;
        }
        for (Index d = 0; d < shape.d; ++d) {
            for (Index h = 0; h < shape.h; h += rows) {
                add(first, 1, {{0, d, h, 0, 0}, {1, d + 1, std::min(shape.h, h + rows), shape.w, shape.c}});
            }
        }
    }
    return sum.result();
}

void save_statistics(std::string const& path, Statistics const& statistics) {
    std::string text = fmt::format("{}\npixels {}\n{}\n", title, statistics.count, columns);
    for (std::size_t c = 0; c < statistics.mean.size(); ++c) {
        text += fmt::format("{} {:.17g} {:.17g} {:.17g} {:.17g}\n", c, statistics.mean[c], statistics.deviation[c],
                            statistics.minimum[c], statistics.maximum[c]);
    }
    write_file(path, text);
}

Statistics load_statistics(std::string const& path) {
    std::ifstream in(path);
    require(in.good(), ExitCode::data_error, "cannot open the statistics '{}': name a file that a run has saved", path);
    std::string first, word, header;
    Statistics statistics;
    std::getline(in, first);
    in >> word >> statistics.count >> std::ws;
    std::getline(in, header);
    bool good = in.good() && first == title && word == "pixels" && statistics.count > 0 && header == columns;
    std::size_t channel = 0;
    double mean = 0, deviation = 0, minimum = 0, maximum = 0;
    while (good && in >> channel) {
        good = static_cast<bool>(in >> mean >> deviation >> minimum >> maximum) && channel == statistics.mean.size() &&
               deviation >= 0 && minimum <= maximum;
        statistics.mean.push_back(mean);
        statistics.deviation.push_back(deviation);
        statistics.minimum.push_back(minimum);
        statistics.maximum.push_back(maximum);
    }
    require(good && in.eof() && !statistics.mean.empty(), ExitCode::data_error,
            "'{}' is not a statistics file, or damaged: delete it, so that it is computed anew", path);
    return statistics;
}

}  // namespace aureole
