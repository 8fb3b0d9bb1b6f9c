#include "io/data/synthetic_dataset.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <utility>
#include <vector>

#include "core/error.hpp"
#include "core/tensor/philox.hpp"

namespace aureole {

namespace {

enum Stream : std::uint64_t { noise_stream = 1, class_stream, disc_stream, value_stream };

struct Point {
    Index d, h, w;
};

/// A plane wave. Patterns of a set of `count`: directions spread over half a turn, four to eight periods per image.
struct Wave {
    float d, h, w;  // phase per pixel

    Wave(std::int64_t pattern, std::int64_t count, Shape const& shape) {
        double const share = static_cast<double>(pattern) / static_cast<double>(std::max<std::int64_t>(1, count));
        double const periods = 4.0 + static_cast<double>(pattern % 5);
        double const phase = 2 * std::numbers::pi * periods / static_cast<double>(std::max(shape.h, shape.w));
        d = static_cast<float>(0.5 * phase);
        h = static_cast<float>(std::sin(std::numbers::pi * share) * phase);
        w = static_cast<float>(std::cos(std::numbers::pi * share) * phase);
    }
    [[nodiscard]] float at(Point p) const {
        return std::sin(d * static_cast<float>(p.d) + h * static_cast<float>(p.h) + w * static_cast<float>(p.w));
    }
};

/// A few discs (balls, for volumes) per sample; later ones cover earlier ones.
struct Discs {
    static constexpr int count = 4;
    struct Disc {
        float d, h, w, squared_radius;
        std::int32_t label;
    };
    std::array<Disc, count> discs;

    Discs(std::uint64_t key, std::int64_t sample, Shape const& shape, std::int64_t classes) {
        Index const smallest = shape.d > 1 ? std::min({shape.d, shape.h, shape.w}) : std::min(shape.h, shape.w);
        for (int i = 0; i < count; ++i) {
            auto const words = Philox::at(mix(key, disc_stream), static_cast<std::uint64_t>(sample), 2U * i);
            auto const more = Philox::at(mix(key, disc_stream), static_cast<std::uint64_t>(sample), 2U * i + 1);
            float const radius = static_cast<float>(smallest) * (0.08F + 0.17F * words.uniform(3));
            auto const labels = static_cast<std::uint32_t>(std::max<std::int64_t>(1, classes - 1));
            discs[static_cast<std::size_t>(i)] = {words.uniform(0) * static_cast<float>(shape.d),
                                                  words.uniform(1) * static_cast<float>(shape.h),
                                                  words.uniform(2) * static_cast<float>(shape.w), radius * radius,
                                                  static_cast<std::int32_t>(1 + more.word[0] % labels)};
        }
    }

    [[nodiscard]] std::int32_t label_at(Point p) const {
        for (auto disc = discs.rbegin(); disc != discs.rend(); ++disc) {
            float const d = static_cast<float>(p.d) - disc->d, h = static_cast<float>(p.h) - disc->h,
                        w = static_cast<float>(p.w) - disc->w;
            if (d * d + h * h + w * w <= disc->squared_radius) { return disc->label; }
        }
        return 0;
    }
};

/// Calls visit(point) for every pixel of the box in memory order.
template <class Visit>
void for_each(Box const& box, Visit visit) {
    for (Index d = box.lo[1]; d < box.hi[1]; ++d) {
        for (Index h = box.lo[2]; h < box.hi[2]; ++h) {
            for (Index w = box.lo[3]; w < box.hi[3]; ++w) { visit(Point{d, h, w}); }
        }
    }
}

std::int32_t draw_class(std::uint64_t key, std::int64_t sample, std::int64_t classes) {
    auto const words = Philox::at(mix(key, class_stream), static_cast<std::uint64_t>(sample));
    return static_cast<std::int32_t>(words.word[0] % static_cast<std::uint64_t>(std::max<std::int64_t>(1, classes)));
}

float draw_value(std::uint64_t key, std::int64_t sample, Index value) {
    return Philox::at(mix(key, value_stream), static_cast<std::uint64_t>(sample), static_cast<std::uint64_t>(value))
        .uniform(0);
}

}  // namespace

SyntheticDataset::SyntheticDataset(SourceSpec const& source, SampleSpec const& sample, std::uint64_t seed)
    : sample_(sample),
      key_(mix(seed, 0x53594E5448ULL)),
      first_(source.first.value_or(0)),
      samples_(source.count.value_or(source.samples - first_)),
      per_pixel_(sample.y.pixels_per_sample() > 1) {
    require(source.samples > 0, ExitCode::bad_deck, "synthetic data: {} samples asked for: set samples to 1 or more",
            source.samples);
    require(first_ >= 0 && samples_ > 0 && first_ + samples_ <= source.samples, ExitCode::bad_deck,
            "samples [{}, {}) of a synthetic set of {} are asked for: correct samples, first and count", first_,
            first_ + samples_, source.samples);
    bool const alike = sample.y.d == sample.x.d && sample.y.h == sample.x.h && sample.y.w == sample.x.w;
    require(!per_pixel_ || alike, ExitCode::bad_deck,
            "synthetic data: labels {} are neither one per image nor one per pixel of {}: change the model's head",
            to_string(sample.y), to_string(sample.x));
}

void SyntheticDataset::read_x(std::int64_t first, std::int64_t count, Box const& box, float* out) const {
    Shape const& shape = sample_.x;
    bool const values = sample_.labels == SampleSpec::Labels::values && !per_pixel_;
    for (std::int64_t sample = first_ + first; sample < first_ + first + count; ++sample) {
        Discs const discs(key_, sample, shape, sample_.classes);
        std::vector<std::pair<Wave, float>> waves;
        for (Index j = 0; values && j < sample_.y.c; ++j) {
            waves.emplace_back(Wave(j, sample_.y.c, shape), draw_value(key_, sample, j));
        }
        if (!values) {
            waves.emplace_back(Wave(draw_class(key_, sample, sample_.classes), sample_.classes, shape), 1.0F);
        }
        for_each(box, [&](Point p) {
            Index const pixel = (p.d * shape.h + p.h) * shape.w + p.w;
            float signal = 0;
            if (per_pixel_) {
                std::int32_t const inside = discs.label_at(p);
                signal = inside == 0 ? 0 : 1 + 0.5F * static_cast<float>(inside - 1);
            } else {
                for (auto const& [wave, height] : waves) { signal += height * wave.at(p); }
            }
            Philox random{};
            for (Index c = box.lo[4]; c < box.hi[4]; ++c) {
                if (c == box.lo[4] || c % 4 == 0) {
                    random = Philox::at(mix(key_, noise_stream + 16 * static_cast<std::uint64_t>(c / 4)),
                                        static_cast<std::uint64_t>(pixel), static_cast<std::uint64_t>(sample));
                }
                *out++ = signal + random.uniform(static_cast<int>(c % 4)) - 0.5F;
            }
        });
    }
}

void SyntheticDataset::read_classes(std::int64_t first, std::int64_t count, Box const& box, std::int32_t* out) const {
    for (std::int64_t sample = first_ + first; sample < first_ + first + count; ++sample) {
        if (!per_pixel_) {
            *out++ = draw_class(key_, sample, sample_.classes);
            continue;
        }
        Discs const discs(key_, sample, sample_.x, sample_.classes);
        for_each(box, [&](Point p) { *out++ = discs.label_at(p); });
    }
}

void SyntheticDataset::read_values(std::int64_t first, std::int64_t count, Box const& box, float* out) const {
    for (std::int64_t sample = first_ + first; sample < first_ + first + count; ++sample) {
        Discs const discs(key_, sample, sample_.x, sample_.classes);
        for_each(box, [&](Point p) {
            float const inside = per_pixel_ && discs.label_at(p) != 0 ? 1.0F : 0.0F;
            for (Index c = box.lo[4]; c < box.hi[4]; ++c) {
                *out++ = per_pixel_ ? inside : draw_value(key_, sample, c);
            }
        });
    }
}

std::string SyntheticDataset::place(std::int64_t sample) const { return fmt::format("synthetic sample {}", sample); }

}  // namespace aureole
