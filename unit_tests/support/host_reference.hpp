#pragma once
#include <optional>
#include <string>
#include <vector>

#include "unit_tests/support/projection.hpp"

// Results that the host's native kernels gave in f64, kept in a text file, so that a build for another device can be
// held against them where no host build is at hand.
//
//   AUREOLE_HOST_REFERENCE=FILE AUREOLE_HOST_REFERENCE_MODE=write     a host build's test program writes the file
//   AUREOLE_HOST_REFERENCE=FILE                                      any build's test program compares with it
//
// A line is a key, norm and products of the projection of a tensor, in hexadecimal; tabs between them.

namespace aureole::test {

/// The file of one process.
class HostReference {
  public:
    enum class Mode { compare, write };
    HostReference(std::string path, Mode mode);

    [[nodiscard]] Mode mode() const { return mode_; }
    /// Keeps a result for the file. A key may be used once.
    void keep(std::string const& key, Projection const& projection);
    /// The result of that key, or nothing.
    [[nodiscard]] std::optional<Projection> find(std::string const& key) const;
    /// Counts a comparison; `difference` is relative. Returns whether it is within the tolerance (NaN never is).
    bool count(std::string const& kind, double difference, double tolerance);
    void count_missing() { ++missing_; }

    /// Writes the file, or prints what was compared, by kind. False if nothing was.
    [[nodiscard]] bool finish() const;

  private:
    struct Entry {
        std::string key;
        Projection projection;
    };
    struct Compared {
        std::string kind;
        std::size_t count = 0, beyond = 0;
        double worst = 0;  ///< largest relative difference
    };
    std::string path_;
    Mode mode_;
    std::vector<Entry> entries_;  ///< by key once read
    std::vector<Compared> compared_;
    std::size_t missing_ = 0;

    void read();
};

/// The one that the environment names, or null.
[[nodiscard]] HostReference* host_reference();

/// Finishes host_reference() at the end of a test program. True if there is none.
[[nodiscard]] bool finish_host_reference();

/// Norm of the difference relative to that of `want`, or to `floor` where that is larger.
[[nodiscard]] double relative_distance(Projection const& got, Projection const& want, double floor);

}  // namespace aureole::test
