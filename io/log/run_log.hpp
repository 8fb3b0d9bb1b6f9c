#pragma once
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/tensor/dtype.hpp"

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

/// Writes metrics.csv and metrics.jsonl into the run's folder, a line per record, flushed at once. A resumed run
/// appends, after lines of steps beyond its start have been dropped. If the earlier part of the run has written other
/// columns, its metrics.csv is kept as metrics_<step>.csv, with a warning, and its lines go on under the new columns:
/// by their names, and empty where the earlier part did not have them.
class RunLog {
  public:
    /// @param metrics     names, in the order of the columns
    /// @param first_step  records of later steps in existing files are dropped (a resumed run does them again)
    RunLog(std::string const& folder, std::vector<std::string> metrics, Index first_step);
    void write(LogRecord const& record);

  private:
    struct Close {
        void operator()(std::FILE* file) const { std::fclose(file); }
    };
    using FilePtr = std::unique_ptr<std::FILE, Close>;

    std::vector<std::string> metrics_;
    FilePtr csv_, json_;
};

/// Columns of the CSV file before the metrics.
inline constexpr char const* log_columns =
    "kind,step,epoch,loss,learning_rate,samples_per_second,seconds,data_share,gradient_norm";

/// "loss 0.1234  accuracy 0.987 ..." for the console.
[[nodiscard]] std::string values_text(LogRecord const& record);

}  // namespace aureole
