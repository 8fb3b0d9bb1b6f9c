#pragma once
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/tensor/dtype.hpp"
#include "io/log/log_file.hpp"

namespace aureole {

/// One line of the record of a run: a training step or an evaluation.
struct LogRecord {
    enum class Kind : std::uint8_t { train, eval };
    Kind kind = Kind::train;
    Index step = 0;    ///< updates done
    double epoch = 0;  ///< passes over the training set
    double loss = 0;
    std::vector<std::pair<std::string, double>> metrics;
    double learning_rate = 0;
    double samples_per_second = 0;
    double seconds = 0;                     ///< of a step, the mean since the last record; or of the evaluation
    double data_share = 0;                  ///< share of the time spent waiting for data
    std::optional<double> gradient_norm{};  ///< where it was computed
};

/// Appends a line per record to metrics.csv and metrics.jsonl of the run's folder, which is created. What is there
/// already goes on or is kept aside: see io/log/earlier_log.hpp. Lines that cannot be written are counted, see
/// io/log/log_file.hpp: they do not end a run.
class RunLog {
  public:
    /// @param metrics     names, in the order of the columns
    /// @param first_step  the step after which the run begins: it does again what existing files have of later ones
    RunLog(std::string const& folder, std::vector<std::string> metrics, Index first_step);
    void write(LogRecord const& record);
    /// Waits until the lines have reached the disk. Before a checkpoint does: a run that goes on from it, after the
    /// machine has failed, has them all.
    void sync() {
        csv_.sync();
        json_.sync();
    }
    /// Lines that are missing from the files.
    [[nodiscard]] Index lost_lines() const { return csv_.lost() + json_.lost(); }

  private:
    std::vector<std::string> metrics_;
    LogFile csv_, json_;
};

/// Columns of the CSV file before the metrics.
inline constexpr char const* log_columns =
    "kind,step,epoch,loss,learning_rate,samples_per_second,seconds,data_share,gradient_norm";

/// "loss 0.1234  accuracy 0.987 ..." for the console.
[[nodiscard]] std::string values_text(LogRecord const& record);

}  // namespace aureole
