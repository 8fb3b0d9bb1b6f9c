#include <algorithm>
#include <set>

#include "core/error.hpp"
#include "core/version.hpp"
#include "io/convert/convert.hpp"
#include "io/convert/sample_writer.hpp"

namespace aureole::convert {

namespace {

std::string with_root(std::string const& name) { return name.starts_with('/') ? name : "/" + name; }

/// Copies in blocks of whole chunks of the result along the first axis.
void copy_values(hdf5::Dataset const& from, hdf5::Dataset& to, std::function<void(Index)> const& rows_done) {
    constexpr std::size_t block_bytes = std::size_t{16} << 20U;
    if (from.shape().empty()) {
        std::vector<unsigned char> value(from.stored_element_bytes());
        from.read_stored({}, {}, value.data());
        to.write_stored({}, {}, value.data());
        return;
    }
    Index const rows = from.shape()[0];
    if (from.volume() == 0) { return; }
    std::size_t const row_bytes = static_cast<std::size_t>(from.volume() / rows) * from.stored_element_bytes();
    Index const chunk = to.chunk().empty() ? 1 : to.chunk()[0];
    Index const fitting = static_cast<Index>(block_bytes / std::max<std::size_t>(1, row_bytes));
    Index const block = std::min(rows, std::max(chunk, fitting / chunk * chunk));
    std::vector<unsigned char> buffer(static_cast<std::size_t>(block) * row_bytes);
    hdf5::Extents offset(from.shape().size(), 0), extent = from.shape();
    for (Index row = 0; row < rows; row += block) {
        offset[0] = row;
        extent[0] = std::min(block, rows - row);
        from.read_stored(offset, extent, buffer.data());
        to.write_stored(offset, extent, buffer.data());
        rows_done(extent[0]);
    }
}

}  // namespace

Summary convert_hdf5(std::string const& path, Output const& output, Progress const& progress, hdf5::Outside outside) {
    hdf5::File const source = hdf5::File::open(path, outside);
    Summary summary;
    std::vector<std::string> names;
    std::int64_t total = 0, done = 0;
    for (std::string const& name : source.datasets()) {
        hdf5::Dataset const dataset = source.dataset(name);
        if (dataset.type() == hdf5::Type::other) {
            summary.skipped.push_back(name);
            continue;
        }
        require_apart(output.file, dataset.other_files());
        names.push_back(name);
        total += dataset.shape().empty() ? 1 : dataset.shape()[0];
    }
    for (std::string const& link : source.dangling_links()) { summary.skipped.push_back(link + " (cannot be opened)"); }
    require(!names.empty(), ExitCode::data_error, "'{}' has no datasets of numbers: name another file", path);
    require(output.chunk.empty() || std::find(names.begin(), names.end(), with_root(output.x)) != names.end(),
            ExitCode::bad_deck,
            "a chunk is given for '{}', which '{}' does not have: name a dataset of numbers with --x", output.x, path);
    SampleWriter writer(output, "hdf5", {path});
    hdf5::File& target = writer.file();
    std::set<std::string> groups;
    for (std::string const& name : names) {
        hdf5::Dataset const from = source.dataset(name);
        from.require_stored(hdf5::Unwritten::refuse);  // a copy would make data of what the library makes up
        bool const is_x = name == with_root(output.x), is_y = name == with_root(output.y);
        hdf5::DatasetSpec spec;
        spec.shape = from.shape();
        spec.chunk = is_x ? chunk_of_x(output, from.shape(), from.stored_element_bytes())
                          : default_chunk(from.shape(), from.stored_element_bytes());
        spec.deflate = output.deflate;
        spec.shuffle = output.shuffle;
        hdf5::Dataset to = target.create_dataset_like(name, spec, from);
        copy_values(from, to, [&](Index rows) {
            done += rows;
            progress(done, total);
        });
        to.close();
        target.copy_attributes(source, name, name);
        for (std::size_t end = name.rfind('/'); end != 0 && end != std::string::npos; end = name.rfind('/', end - 1)) {
            groups.insert(name.substr(0, end));
        }
        if (is_x) {
            summary.x_shape = from.shape();
            summary.x_type = from.type();
        }
        if (is_y) {
            summary.y_shape = from.shape();
            summary.y_type = from.type();
        }
    }
    for (std::string const& group : groups) { target.copy_attributes(source, group, group); }
    target.copy_attributes(source, "/", "/");
    target.set_attribute("/", "created_by", "aureole " + std::string(version()));
    summary.file_bytes = writer.finish().file_bytes;
    return summary;
}

}  // namespace aureole::convert
