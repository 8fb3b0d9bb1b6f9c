#include "app/checkpoints.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <limits>
#include <sstream>
#include <thread>

#include "app/ranks.hpp"
#include "app/trainer.hpp"
#include "core/clock.hpp"
#include "core/error.hpp"
#include "io/deck/parse.hpp"
#include "io/file/new_file.hpp"
#include "io/log/console.hpp"
#include "parallel/grid/wait.hpp"

namespace aureole {

namespace {

constexpr double none_yet = std::numeric_limits<double>::quiet_NaN();
constexpr auto counts_of = "run/counts/";

/// Whether this rank writes what it holds of a tensor: tiles and replicas of a stage hold the same, or a part each.
bool is_writer(Engine const& engine, Persistent const& entry) {
    PipelineGrid::Place const here = engine.place();
    return entry.part ? entry.part->count > 0 : here.replica == 0 && here.tile == 0;
}

CheckpointBlock block_of(Persistent const& entry) {
    auto const extents = entry.spec.global.extents();
    Elements const part = entry.part.value_or(Elements{0, entry.spec.global.volume()});
    DType const dtype = entry.spec.dtype == DType::f64 ? DType::f64 : DType::f32;
    return {checkpoint_path(entry), dtype, {extents.begin(), extents.end()}, part.first, part.count};
}

std::vector<std::byte> bytes_of(void const* data, std::size_t count) {
    auto const* const bytes = static_cast<std::byte const*>(data);
    return {bytes, bytes + count};
}

std::vector<std::byte> bytes_of(std::string const& text) { return bytes_of(text.data(), text.size()); }
std::vector<std::byte> bytes_of(double value) { return bytes_of(&value, sizeof(value)); }

/// A network that diverged in the last update has had no loss yet that would say so.
template <class T>
void require_finite(Persistent const& entry, std::span<std::byte const> bytes, Index step) {
    auto const* const values = reinterpret_cast<T const*>(bytes.data());
    bool const finite =
        std::all_of(values, values + bytes.size() / sizeof(T), [](T value) { return std::isfinite(value); });
    if (!finite) {
        fail_as_diverged(fmt::format("{} holds values that are not finite after step {}", entry.name, step));
    }
}

/// Elements [first, first + count) of a dense tensor.
Tensor slice(Tensor const& tensor, std::size_t first, std::size_t count) {
    return {static_cast<std::byte*>(tensor.data) + first * size_of(tensor.dtype),
            tensor.dtype,
            {1, 1, 1, 1, static_cast<Index>(count)}};
}

std::string to_lines(std::vector<CheckpointBlock> const& blocks) {
    std::string lines;
    for (CheckpointBlock const& block : blocks) {
        lines +=
            fmt::format("{} {} {} {}", static_cast<int>(block.dtype), block.first, block.count, block.extents.size());
        for (Index const extent : block.extents) { lines += fmt::format(" {}", extent); }
        lines += " " + block.path + "\n";
    }
    return lines;
}

std::vector<CheckpointBlock> from_lines(std::string const& text) {
    std::vector<CheckpointBlock> blocks;
    std::istringstream lines(text);
    std::string line;
    while (std::getline(lines, line)) {
        std::istringstream words(line);
        CheckpointBlock block;
        int dtype = 0;
        std::size_t axes = 0;
        words >> dtype >> block.first >> block.count >> axes;
        block.dtype = static_cast<DType>(dtype);
        block.extents.resize(axes);
        for (Index& extent : block.extents) { words >> extent; }
        std::getline(words.ignore(1), block.path);
        blocks.push_back(std::move(block));
    }
    return blocks;
}

/// Gives a file another name: a link to it, or a copy where the file system has no links.
void give_name(std::string const& path, std::string const& name) {
    NewFile file(name);
    std::remove(file.temporary().c_str());
    if (::link(path.c_str(), file.temporary().c_str()) != 0) {
        std::error_code error;
        std::filesystem::copy_file(path, file.temporary(), error);
        require(!error, ExitCode::data_error, "cannot copy '{}' to '{}' ({}): make room", path, name, error.message());
    }
    file.commit();
}

std::size_t own_bytes(Engine const& engine) {
    std::size_t bytes = 0;
    for (Persistent const& entry : engine.persistent().entries()) {
        if (is_saved(entry) && is_writer(engine, entry)) { bytes += block_of(entry).bytes(); }
    }
    return bytes;
}

bool writes_beside(Deck const& deck) { return deck.train.checkpoint.asynchronous && deck.train.checkpoint.every > 0; }

}  // namespace

bool is_saved(Persistent const& entry) {
    bool const is_counter = entry.name.starts_with("metrics.");
    return entry.kind != Persistent::Kind::gradient && !is_counter;
}

std::string checkpoint_path(Persistent const& entry) {
    switch (entry.kind) {
        case Persistent::Kind::parameter: return "parameters/" + entry.name;
        case Persistent::Kind::state: return "state/" + entry.name;
        case Persistent::Kind::slot: return entry.name;  // "optimizer/<slot>/<parameter>"
        case Persistent::Kind::gradient: return "";
    }
    return "";
}

std::size_t Checkpoints::bytes(RunPlan const& plan) {
    std::size_t const all = own_bytes(*plan.engine);
    return writes_beside(plan.deck) ? all : std::min(all, CheckpointWriter::piece_bytes);
}

Checkpoints::Checkpoints(RunPlan const& plan, std::set<std::string> const& counters)
    : plan_(plan), engine_(*plan.engine), folder_(plan.deck.train.checkpoint.folder, plan.deck.train.checkpoint.keep) {
    for (std::string const& name : counters) { counters_[name] = engine_.counts(name).size(); }
    if (is_root()) { folder_.remove_unfinished(); }
    require_shared();
    lay_out(list_items());
    if (writes_beside(plan.deck)) { copy_.resize(bytes_of_items()); }
}

/// Ranks write into one file: a folder that only some of them have would lose what the others write.
void Checkpoints::require_shared() const {
    if (plan_.comm == nullptr) { return; }
    std::string const folder = plan_.deck.output.folder, probe = folder + "/.seen_by_all_ranks";
    if (is_root()) { write_file(probe, "\n"); }
    plan_.comm->barrier();
    bool seen = false;
    for (int tries = 0; !seen && tries < 50; ++tries) {
        seen = ::access(probe.c_str(), F_OK) == 0;
        if (!seen) { std::this_thread::sleep_for(std::chrono::milliseconds(100)); }
    }
    require(seen, ExitCode::data_error,
            "rank {} does not see what rank 0 writes into '{}': set output.folder (and train.checkpoint.folder) to a "
            "folder on a file system that all ranks share",
            plan_.rank, folder);
    plan_.comm->barrier();
    if (is_root()) { std::remove(probe.c_str()); }
}

std::vector<CheckpointBlock> Checkpoints::list_items() {
    std::vector<CheckpointBlock> blocks;
    std::size_t at = 0;
    auto const add = [&](Item item, CheckpointBlock block) {
        item.place.bytes = block.bytes();
        item.at = at;
        at += item.place.bytes;
        items_.push_back(std::move(item));
        blocks.push_back(std::move(block));
    };
    for (Persistent const& entry : engine_.persistent().entries()) {
        if (is_saved(entry) && is_writer(engine_, entry)) { add({&entry, "", {}, 0}, block_of(entry)); }
    }
    if (!is_root()) { return blocks; }
    set_records({});
    for (auto const& [path, bytes] : records_) {
        bool const is_text = path == run_deck_path || path == run_statistics_path;
        DType const dtype = is_text ? DType::u8 : DType::f64;
        auto const count = static_cast<Index>(bytes.size() / size_of(dtype));
        add({nullptr, path, {}, 0}, {path, dtype, {count}, 0, count});
    }
    return blocks;
}

/// Rank 0 lays out what all write, and tells them where.
void Checkpoints::lay_out(std::vector<CheckpointBlock> const& mine) {
    std::vector<CheckpointBlock> all = mine;
    std::vector<std::size_t> counts{mine.size()};
    Comm const* const comm = plan_.comm;
    if (comm != nullptr && !is_root()) { send_text(*comm, to_lines(mine), 0); }
    for (int rank = 1; is_root() && comm != nullptr && rank < comm->size(); ++rank) {
        std::vector<CheckpointBlock> const theirs = from_lines(receive_text(*comm, rank));
        counts.push_back(theirs.size());
        all.insert(all.end(), theirs.begin(), theirs.end());
    }
    std::vector<std::int64_t> offsets(2 * mine.size());  // of every block, of every checksum
    if (is_root()) {
        layout_ = lay_out_checkpoint(all, plan_.deck.train.seed, plan_.deck.output.folder + "/.layout");
        std::size_t first = 0;
        for (std::size_t rank = 0; rank < counts.size(); ++rank) {
            std::vector<std::int64_t> theirs;
            for (std::size_t i = first; i < first + counts[rank]; ++i) {
                theirs.push_back(layout_.offsets[i]);
                theirs.push_back(layout_.checksums + 8 * static_cast<std::int64_t>(i));
            }
            first += counts[rank];
            if (rank == 0) {
                offsets = theirs;
            } else {
                comm->send(theirs.data(), theirs.size() * sizeof(std::int64_t), static_cast<int>(rank));
            }
        }
    } else {
        comm->receive(offsets.data(), offsets.size() * sizeof(std::int64_t), 0);
    }
    for (std::size_t i = 0; i < items_.size(); ++i) {
        items_[i].place.offset = offsets[2 * i];
        items_[i].place.checksum = offsets[2 * i + 1];
    }
}

/// Texts do not change, so they keep their length.
void Checkpoints::set_records(RunState const& state) {
    if (!is_root()) { return; }
    if (records_.empty()) {
        records_[run_deck_path] = bytes_of(dump_deck(plan_.deck));
        std::string const statistics = read_file(statistics_file(plan_.deck));
        if (!statistics.empty()) { records_[run_statistics_path] = bytes_of(statistics); }
    }
    records_["run/step"] = bytes_of(static_cast<double>(state.step));
    records_["run/samples"] = bytes_of(static_cast<double>(state.samples));
    records_["run/loss"] = bytes_of(state.loss);
    records_["run/losses"] = bytes_of(static_cast<double>(state.losses));
    records_["run/evaluation_due"] = bytes_of(state.evaluation_due ? 1.0 : 0.0);
    records_["run/best"] = bytes_of(state.best.value_or(none_yet));
    for (auto const& [name, count] : counters_) {
        auto const found = state.counts.find(name);
        std::vector<double> const values = found != state.counts.end() ? found->second : std::vector<double>(count);
        records_[counts_of + name] = bytes_of(values.data(), count * sizeof(double));
    }
}

void Checkpoints::read_piece(Item const& item, std::size_t first, std::span<std::byte> into, Index step) const {
    if (item.entry == nullptr) {
        std::copy_n(records_.at(item.record).begin() + static_cast<std::ptrdiff_t>(first), into.size(), into.begin());
        return;
    }
    Tensor const tensor = engine_.tensor(*item.entry);
    std::size_t const element = size_of(tensor.dtype);
    copy_to_host(slice(tensor, first / element, into.size() / element), into.data());
    tensor.dtype == DType::f64 ? require_finite<double>(*item.entry, into, step)
                               : require_finite<float>(*item.entry, into, step);
}

void Checkpoints::write_part(std::string const& path, bool copied, Index step) {
    if (items_.empty()) { return; }
    auto const begin = Clock::now();
    CheckpointWriter writer(path);
    if (is_root()) { writer.write_frame(layout_); }
    std::vector<std::byte> staging(copied ? 0 : CheckpointWriter::piece_bytes);
    for (Item const& item : items_) {
        writer.write(item.place, [&](std::size_t first, std::size_t count) {
            if (copied) { return std::span<std::byte const>(copy_).subspan(item.at + first, count); }
            std::span<std::byte> const into(staging.data(), count);
            WaitMessages::tell_of_work();
            read_piece(item, first, into, step);
            return std::span<std::byte const>(into);
        });
    }
    if (copied) {
        writer.finish();
    } else {
        Background reaching_the_disk;
        reaching_the_disk.begin([&writer] { writer.finish(); });
        std::optional<std::string> const failure = wait_for(reaching_the_disk);
        require(!failure, ExitCode::data_error, "{}", failure.value_or(""));
    }
    longest_write_ = std::max<double>(longest_write_, seconds_since(begin));
}

/// Whether rank 0 could create the file.
bool Checkpoints::create_file() {
    bool created = true;
    if (is_root()) {
        try {
            file_.emplace(names_.front());
            Descriptor(file_->temporary(), O_WRONLY | O_CREAT | O_TRUNC).close(file_->temporary());
        } catch (Error const& error) {
            created = false;
            file_.reset();
            tell_of_failure(error.what());
        }
    }
    return all(created);
}

void Checkpoints::write(RunState const& state, std::vector<std::string> const& names, When when) {
    Activity const activity("a checkpoint");
    static_cast<void>(finish());
    set_records(state);
    names_ = names;
    bool const beside = when == When::beside && writes_beside(plan_.deck);  // alike on all ranks
    for (std::size_t i = 0; beside && i < items_.size(); ++i) {
        Item const& item = items_[i];
        read_piece(item, 0, std::span(copy_).subspan(item.at, item.place.bytes), state.step);
    }
    pending_ = true;
    if (!create_file()) {
        complete(false);
        return;
    }
    std::string const temporary = names.front() + ".part";
    if (beside) {
        writing_.begin([this, temporary, step = state.step] { write_part(temporary, true, step); });
        return;
    }
    std::optional<std::string> failure;
    try {
        write_part(temporary, false, state.step);
    } catch (Error const& error) {
        if (error.code() == ExitCode::diverged) { throw; }
        failure = error.what();
    }
    end_writing(failure);
}

std::optional<std::string> Checkpoints::wait_for(Background& work) {
    while (work.is_running()) {
        WaitMessages::tell_of_work();
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return work.wait();
}

void Checkpoints::poll() {
    Activity const activity("a checkpoint");
    if (pending_ && all(!writing_.is_running())) { end_writing(writing_.wait()); }
}

/// Of this rank's part; the file is whole if no rank has failed.
void Checkpoints::end_writing(std::optional<std::string> const& failure) {
    if (failure) { tell_of_failure(*failure); }
    complete(all(!failure));
}

bool Checkpoints::finish() {
    Activity const activity("a checkpoint");
    if (pending_) { end_writing(wait_for(writing_)); }
    if (std::optional<std::string> const failure = wait_for(naming_)) {
        tell_of_failure(*failure);
        succeeded_ = false;
    }
    return all(succeeded_);
}

void Checkpoints::complete(bool succeeded) {
    pending_ = false;
    succeeded_ = succeeded;
    if (!is_root()) { return; }
    if (!succeeded) {
        file_.reset();
        return;
    }
    naming_.begin([this] { name_file(); });
}

void Checkpoints::name_file() {
    file_->commit();
    for (std::size_t i = 1; i < names_.size(); ++i) { give_name(names_.front(), names_[i]); }
    folder_.prune();
}

void Checkpoints::tell_of_failure(std::string const& why) const {
    warn("{}no checkpoint '{}': {}", rank_prefix(plan_.comm), names_.front(), why);
}

std::size_t Checkpoints::bytes_of_items() const {
    return items_.empty() ? 0 : items_.back().at + items_.back().place.bytes;
}

double Checkpoints::seconds() const {
    constexpr double slow_disk = 100e6;  // bytes per second
    constexpr double least = 0.1;
    double const longest = longest_write_;
    return longest > 0 ? longest : least + static_cast<double>(bytes_of_items()) / slow_disk;
}

bool Checkpoints::add_name(std::string const& path, std::string const& name) {
    Activity const activity("a checkpoint");
    bool added = true;
    try {
        if (is_root()) { give_name(path, name); }
    } catch (Error const& error) {
        added = false;
        names_ = {name};
        tell_of_failure(error.what());
    }
    return all(added);
}

RunState Checkpoints::read(CheckpointReader const& reader) const {
    reader.require_whole_records();
    for (Persistent const& entry : engine_.persistent().entries()) {
        if (is_saved(entry)) { engine_.write(entry, reader.read(checkpoint_path(entry), entry.spec.global)); }
    }
    RunState state;
    if (reader.format() == 1) {
        state.step = reader.attribute("step");
        state.samples = state.step * plan_.deck.train.batch;
        return state;
    }
    state.step = static_cast<Index>(reader.number("run/step"));
    state.samples = static_cast<Index>(reader.number("run/samples"));
    state.loss = reader.number("run/loss");
    state.losses = static_cast<Index>(reader.number("run/losses"));
    state.evaluation_due = reader.contains("run/evaluation_due") && reader.number("run/evaluation_due") != 0;
    double const best = reader.number("run/best");
    if (!std::isnan(best)) { state.best = best; }
    for (auto const& [name, count] : counters_) {
        std::string const path = counts_of + name;
        if (!reader.contains(path)) { continue; }  // the metric is new
        std::vector<double> values = reader.numbers(path);
        if (values.size() == count) { state.counts[name] = std::move(values); }
    }
    return state;
}

}  // namespace aureole
