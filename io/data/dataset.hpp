#pragma once
#include <array>
#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "core/tensor/box.hpp"
#include "io/data/data_spec.hpp"

namespace aureole {

/// A stored value that a data set does not take.
struct BadValue {
    enum class Kind : std::uint8_t {
        not_finite,    ///< NaN or infinity in an image
        inexact,       ///< an integer of an image that f64 would round
        absent,        ///< a fill value in an image
        absent_label,  ///< a fill value among the labels
        label,         ///< a label that is no class, or no target of the loss
    };
    static constexpr std::size_t kinds = 5;
    Kind kind = Kind::not_finite;
    std::int64_t sample = 0;
    std::array<Index, 4> at{};  ///< (d, h, w, c)
    long double value = 0;      ///< as stored
};

/// Hears of every bad value that is read, instead of an Error at the first.
using BadValueListener = std::function<void(BadValue const&)>;

/// An indexed set of samples, all of one shape. Reading is const and safe from several threads. Values are raw: as
/// stored, converted to f32; labels are already mapped to classes. A bad value (NaN, infinity, a label outside the
/// classes) is an Error(data_error) naming file, dataset, sample and position.
class Dataset {
  public:
    Dataset() = default;
    Dataset(Dataset const&) = delete;
    Dataset& operator=(Dataset const&) = delete;
    virtual ~Dataset() = default;

    [[nodiscard]] virtual std::int64_t samples() const = 0;
    /// (1, d, h, w, c) as stored: larger than the network's input where random crops are cut out of it.
    [[nodiscard]] virtual Shape x_shape() const = 0;
    /// (1, d, h, w, c) of the labels as stored.
    [[nodiscard]] virtual Shape y_shape() const = 0;
    /// True if every raw value is an integer of 0 to 255, so that one byte keeps it.
    [[nodiscard]] virtual bool x_fits_bytes() const { return false; }
    /// Samples that are best read together (those of one chunk).
    [[nodiscard]] virtual std::int64_t run_length() const { return 1; }

    /// True if f32 does not hold every raw value: these are to be prepared in f64, and rounded last.
    [[nodiscard]] virtual bool x_is_wide() const { return false; }

    /// Samples [first, first + count), of each the box in (d, h, w, c) of the stored sample (its n is not looked at),
    /// as (count, d, h, w, c).
    virtual void read_x(std::int64_t first, std::int64_t count, Box const& box, float* out) const = 0;
    /// Likewise without rounding to f32; for sets that are wide.
    virtual void read_x_wide(std::int64_t first, std::int64_t count, Box const& box, double* out) const;
    virtual void read_classes(std::int64_t first, std::int64_t count, Box const& box, std::int32_t* out) const = 0;
    virtual void read_values(std::int64_t first, std::int64_t count, Box const& box, float* out) const = 0;

    /// Part of a sample that must be read and unpacked to read a box of it, as a multiple of the box: above 1 where
    /// chunks reach beyond it.
    [[nodiscard]] virtual double overhead(Box const& /*box*/) const { return 1; }
    /// "sample 12 ('x' of 'train.h5', entry 12)": for messages.
    [[nodiscard]] virtual std::string place(std::int64_t sample) const = 0;
    /// Likewise of its label.
    [[nodiscard]] virtual std::string label_place(std::int64_t sample) const { return place(sample); }
    /// Memory held for reading: caches and scratch, at most, when at most `run` samples are read at once.
    [[nodiscard]] virtual std::size_t buffer_bytes(std::int64_t run) const = 0;
    /// Bytes of stored elements delivered from files so far.
    [[nodiscard]] virtual std::uint64_t bytes_read() const = 0;
};

/// The boxes of every sample that are read, in (d, h, w, c) of the stored image and labels; without one, all of it.
struct SampleBoxes {
    std::optional<Box> x, y;
};

/// One of these boxes, or all, of one sample: its n is [0, 1).
[[nodiscard]] Box box_of_sample(std::optional<Box> const& box, Shape const& sample);

/// Opens what the deck describes, checked against what the network takes; if what is read of the set takes at most
/// `loader.cache_limit` bytes, it is kept in memory as it is read.
/// @param seed stream of the synthetic data; not used for files
[[nodiscard]] std::shared_ptr<Dataset const> open_dataset(SourceSpec const& source, SampleSpec const& sample,
                                                          LoaderSpec const& loader, std::uint64_t seed,
                                                          SampleBoxes const& boxes = {});

}  // namespace aureole
