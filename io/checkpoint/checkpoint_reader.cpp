#include "io/checkpoint/checkpoint_reader.hpp"

#include <cstring>
#include <sstream>

#include "core/error.hpp"
#include "io/checkpoint/checksum.hpp"

namespace aureole {

CheckpointReader::CheckpointReader(std::string const& path) : file_(path), format_(file_.integer("format")) {
    require(format_ == 1 || format_ == checkpoint_format, ExitCode::data_error,
            "the checkpoint '{}' has format {}, this program reads 1 and {}: use the version that wrote it", path,
            format_, checkpoint_format);
    if (format_ > 1) { read_blocks(); }
}

void CheckpointReader::read_blocks() {
    std::vector<std::uint8_t> const bytes = file_.file().read<std::uint8_t>(checkpoint_blocks);
    std::vector<std::uint64_t> const sums = file_.file().read<std::uint64_t>(checkpoint_checksums);
    std::istringstream lines(std::string(bytes.begin(), bytes.end()));
    std::string line;
    std::size_t number = 0;
    while (std::getline(lines, line)) {
        std::istringstream words(line);
        Block block;
        std::string tensor;
        words >> block.first >> block.count;
        std::getline(words.ignore(1), tensor);
        require(!words.fail() && !tensor.empty() && number < sums.size(), ExitCode::data_error,
                "the checkpoint '{}' is damaged (its list of blocks): use another one", path());
        block.checksum = sums[number++];
        blocks_[tensor].push_back(block);
    }
    require(number == sums.size(), ExitCode::data_error,
            "the checkpoint '{}' is damaged (its list of blocks has {} of {} lines): use another one", path(), number,
            sums.size());
}

void CheckpointReader::verify(std::string const& path, std::span<std::byte const> bytes,
                              std::size_t element_bytes) const {
    if (format_ == 1) { return; }
    auto const found = blocks_.find(path);
    Index const elements = static_cast<Index>(bytes.size() / element_bytes);
    Index covered = 0;
    bool whole = found != blocks_.end();
    for (std::size_t i = 0; whole && i < found->second.size(); ++i) {
        Block const& block = found->second[i];
        whole =
            block.first >= 0 && block.count >= 0 && block.first <= elements && block.count <= elements - block.first;
        if (!whole) { break; }
        auto const first = static_cast<std::size_t>(block.first) * element_bytes;
        whole =
            checksum_of(bytes.subspan(first, static_cast<std::size_t>(block.count) * element_bytes)) == block.checksum;
        covered += block.count;
    }
    require(whole && covered == elements, ExitCode::data_error,
            "the checkpoint '{}' is damaged ('{}' does not have its checksum): use another one", this->path(), path);
}

std::vector<double> CheckpointReader::read_all(hdf5::Dataset const& dataset, std::string const& path) const {
    auto const take = [&]<class T>(T /*type*/) {
        std::vector<T> const stored = dataset.read_all<T>();
        verify(path, std::as_bytes(std::span(stored)), sizeof(T));
        return std::vector<double>(stored.begin(), stored.end());
    };
    return dataset.type() == hdf5::Type::f32 ? take(float{}) : take(double{});
}

std::vector<double> CheckpointReader::read(std::string const& path, Shape const& shape) const {
    require(contains(path), ExitCode::data_error,
            "the checkpoint '{}' has no '{}', which the network of the deck has: resume with the deck of the run that "
            "wrote it, or begin another run with train.resume: never",
            this->path(), path);
    hdf5::Dataset const dataset = file_.file().dataset(path);
    require(has_extents(dataset, shape), ExitCode::data_error,
            "the checkpoint '{}' has {} of extents {}, the network of the deck has {}: resume with the deck of the run "
            "that wrote it, or begin another run with train.resume: never",
            this->path(), path, hdf5::to_string(dataset.shape()), to_string(shape));
    return read_all(dataset, path);
}

std::vector<double> CheckpointReader::numbers(std::string const& path) const {
    return read_all(file_.file().dataset(path), path);
}

double CheckpointReader::number(std::string const& path) const {
    std::vector<double> const found = numbers(path);
    require(found.size() == 1, ExitCode::data_error,
            "the checkpoint '{}' is damaged ('{}' holds {} numbers): use "
            "another one",
            this->path(), path, found.size());
    return found.front();
}

void CheckpointReader::require_whole_records() const {
    for (auto const& [path, parts] : blocks_) {
        if (!path.starts_with("run/")) { continue; }
        bool const is_text = file_.file().dataset(path).type() == hdf5::Type::u8;
        is_text ? static_cast<void>(text(path)) : static_cast<void>(numbers(path));
    }
}

std::string CheckpointReader::text_attribute(std::string const& key) const {
    auto const value = file_.file().attribute("/", key);
    auto const* const text = value ? std::get_if<std::string>(&*value) : nullptr;
    require(text != nullptr, ExitCode::data_error, "the checkpoint '{}' is damaged (it has no '{}'): use another one",
            path(), key);
    return *text;
}

std::string CheckpointReader::text(std::string const& path) const {
    std::vector<std::uint8_t> const bytes = file_.file().read<std::uint8_t>(path);
    verify(path, std::as_bytes(std::span(bytes)), 1);
    return {bytes.begin(), bytes.end()};
}

}  // namespace aureole
