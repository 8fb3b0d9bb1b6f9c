#include "io/data/loader.hpp"

#include <chrono>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <thread>

#include "core/error.hpp"
#include "io/data/batch_reader.hpp"

namespace aureole {

/// A ring of batches: one is with the caller, the others are read ahead by the thread (none: read when asked for).
class Loader::Worker {
  public:
    explicit Worker(LoaderConfig config) : config_(std::move(config)), reader_(config_) {
        for (std::size_t i = 0; i < slots(config_); ++i) { ring_.push_back(reader_.make_batch()); }
    }
    Worker(Worker const&) = delete;
    Worker& operator=(Worker const&) = delete;
    ~Worker() { stop(); }

    [[nodiscard]] static std::size_t slots(LoaderConfig const& config) {
        return static_cast<std::size_t>(std::max<std::int64_t>(0, config.spec.prefetch)) + 1;
    }

    [[nodiscard]] LoaderConfig const& config() const { return config_; }
    [[nodiscard]] double seconds_waited() const { return seconds_waited_; }

    [[nodiscard]] std::int64_t batches_per_pass() const {
        return (config_.dataset->samples() + config_.batch - 1) / config_.batch;
    }

    void start_at(std::int64_t step) {
        require(step >= 0, "loader: step {} asked for", step);
        bool const eval = config_.mode == LoaderConfig::Mode::eval;
        // passes of an evaluation are alike, so what was read ahead for the next pass serves
        bool const there = eval ? (held_ + 1) % batches_per_pass() == step % batches_per_pass() : held_ + 1 == step;
        if (there && (thread_.joinable() || ring_.size() == 1)) { return; }
        stop();
        held_ = step - 1;
        filled_ = step;
        error_ = nullptr;
        if (ring_.size() > 1) {
            thread_ = std::thread([this] { read_ahead(); });
        }
    }

    Batch const& next() {
        if (ring_.size() == 1) {
            Batch& batch = ring_[0];
            timed([&] { reader_.fill(held_ + 1, batch); });
            ++held_;
            return batch;
        }
        if (!thread_.joinable()) { start_at(held_ + 1); }
        std::unique_lock lock(mutex_);
        auto const ready = [&] { return filled_ > held_ + 1 || error_ != nullptr; };
        timed([&] { changed_.wait(lock, ready); });
        if (filled_ <= held_ + 1) { std::rethrow_exception(error_); }
        ++held_;
        changed_.notify_all();
        return slot(held_);
    }

  private:
    [[nodiscard]] Batch& slot(std::int64_t step) { return ring_[static_cast<std::size_t>(step) % ring_.size()]; }

    void read_ahead() {
        std::unique_lock lock(mutex_);
        while (true) {
            // the caller holds batch held_; every other slot may be filled
            auto const room = [&] { return filled_ < held_ + static_cast<std::int64_t>(ring_.size()); };
            changed_.wait(lock, [&] { return stopping_ || room(); });
            if (stopping_) { return; }
            std::int64_t const step = filled_;
            lock.unlock();
            std::exception_ptr error;
            try {
                reader_.fill(step, slot(step));
            } catch (...) { error = std::current_exception(); }
            lock.lock();
            if (error != nullptr) {
                error_ = error;
                changed_.notify_all();
                return;
            }
            ++filled_;
            changed_.notify_all();
        }
    }

    void stop() {
        if (!thread_.joinable()) { return; }
        {
            std::lock_guard const lock(mutex_);
            stopping_ = true;
        }
        changed_.notify_all();
        thread_.join();
        stopping_ = false;
    }

    template <class Work>
    void timed(Work work) {
        auto const begin = std::chrono::steady_clock::now();
        work();
        seconds_waited_ += std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    }

    LoaderConfig config_;
    BatchReader reader_;
    std::vector<Batch> ring_;
    double seconds_waited_ = 0;
    std::thread thread_;
    std::mutex mutex_;  ///< of what follows
    std::condition_variable changed_;
    std::int64_t held_ = -1;   ///< the step whose batch is with the caller
    std::int64_t filled_ = 0;  ///< steps below are in the ring
    bool stopping_ = false;
    std::exception_ptr error_;
};

namespace {

Box part_read(std::optional<Box> const& box, Shape micro_batch, std::int64_t samples) {
    micro_batch.n = samples;
    return box.value_or(Box::whole(micro_batch));
}

}  // namespace

Box LoaderConfig::x_read() const { return part_read(x_box, sample.x, micro_samples); }

Box LoaderConfig::y_read() const { return part_read(y_box, sample.y, micro_samples); }

Loader::Loader(LoaderConfig config) : worker_(std::make_unique<Worker>(std::move(config))) {}
Loader::Loader(Loader&&) noexcept = default;
Loader& Loader::operator=(Loader&&) noexcept = default;
Loader::~Loader() = default;

std::size_t Loader::bytes(LoaderConfig const& config) {
    return Worker::slots(config) * BatchReader::batch_bytes(config) + BatchReader::staging_bytes(config) +
           BatchReader::dataset_bytes(config);
}

Batch const& Loader::next() { return worker_->next(); }
void Loader::start_at(std::int64_t step) { worker_->start_at(step); }
std::int64_t Loader::batches_per_pass() const { return worker_->batches_per_pass(); }
LoaderConfig const& Loader::config() const { return worker_->config(); }
double Loader::seconds_waited() const { return worker_->seconds_waited(); }

}  // namespace aureole
