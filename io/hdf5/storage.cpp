#include <algorithm>

#include "io/hdf5/file.hpp"
#include "io/hdf5/library.hpp"

// The library fills what it does not find with the dataset's fill value, without a word. Here is looked for what it
// would not find.
namespace aureole::hdf5 {

namespace {

using Sizes = std::vector<hsize_t>;

constexpr int deepest = 16;  // virtual datasets of virtual datasets can form cycles

std::string join_quoted(std::vector<std::string> const& names) {
    std::string text;
    for (std::string const& name : names) { text += fmt::format("{}'{}'", text.empty() ? "" : ", ", name); }
    return text;
}

std::string find_source(std::string const& place, Reach const& reach, std::string const& file,
                        std::string const& source) {
    if (source == ".") { return file; }
    Search const search = search_file(file, source, "HDF5_VDS_PREFIX");
    require(search.found.has_value(), ExitCode::data_error,
            "{} is a virtual dataset whose source file '{}' is missing (looked for as {}): put the file back, or make "
            "the virtual dataset anew",
            place, source, search.tried);
    if (!search.by_prefix) { reach.require(place + " is a virtual dataset", source, *search.found); }
    return *search.found;
}

template <class Call>
std::string text_of(Call call) {
    ssize_t const length = call(nullptr, 0);
    std::string text(static_cast<std::size_t>(std::max<ssize_t>(0, length)), '\0');
    call(text.data(), text.size() + 1);
    return text;
}

/// The name of block `block` of a source that is one of many: "%b" is the number of the block, "%%" a percent sign.
std::string name_of_block(std::string const& pattern, hsize_t block) {
    std::string name;
    for (std::size_t i = 0; i < pattern.size(); ++i) {
        bool const special = pattern[i] == '%' && i + 1 < pattern.size();
        if (special && pattern[i + 1] == 'b') {
            name += std::to_string(block);
            ++i;
        } else {
            name += pattern[i];
            i += special && pattern[i + 1] == '%' ? 1 : 0;
        }
    }
    return name;
}

/// A selection of blocks that goes on for ever along one axis.
struct Endless {
    Sizes start, stride, count, block;
    std::size_t axis = 0;

    /// Fills in what a space selects; false if it ends.
    bool inspect(hid_t space, std::size_t rank) {
        if (H5Sget_select_type(space) != H5S_SEL_HYPERSLABS || H5Sis_regular_hyperslab(space) <= 0) { return false; }
        for (Sizes* const part : {&start, &stride, &count, &block}) { part->assign(rank, 0); }
        H5Sget_regular_hyperslab(space, start.data(), stride.data(), count.data(), block.data());
        for (axis = 0; axis < rank; ++axis) {
            if (count[axis] == H5S_UNLIMITED || block[axis] == H5S_UNLIMITED) { return true; }
        }
        return false;
    }
    /// Blocks that begin before `extent`.
    [[nodiscard]] hsize_t blocks(hsize_t extent) const {
        if (extent <= start[axis]) { return 0; }
        if (block[axis] == H5S_UNLIMITED) { return 1; }
        return (extent - start[axis] + stride[axis] - 1) / stride[axis];
    }
    /// Adds one block, as far as the extent reaches, to what is selected.
    void add_block(hid_t selected, hsize_t number, hsize_t extent) const {
        Sizes first = start, many = count, size = block;
        first[axis] += number * stride[axis];
        many[axis] = 1;
        size[axis] = std::min(block[axis], extent - first[axis]);
        H5Sselect_hyperslab(selected, H5S_SELECT_OR, first.data(), stride.data(), many.data(), size.data());
    }
};

}  // namespace

void Dataset::require_stored(Unwritten unwritten) const { require_stored(unwritten, 0); }

void Dataset::require_stored(Unwritten unwritten, int depth) const {
    Lock const lock;
    require(depth < deepest, ExitCode::data_error,
            "{} is a virtual dataset of itself (after {} steps): make the virtual dataset anew", place(), depth);
    Handle const plist(H5Dget_create_plist(handle_.id()));
    H5D_layout_t const layout = H5Pget_layout(plist.id());
    if (layout == H5D_VIRTUAL) { return require_sources(plist.id(), unwritten, depth); }
    if (unwritten == Unwritten::allow || volume() == 0 || external_) { return; }
    constexpr char const* remedy =
        "write the file again to its end; where what is absent means the fill value, say so by `fill: keep` of the "
        "data in the deck";
    if (layout == H5D_CHUNKED) {
        Handle const space(H5Dget_space(handle_.id()));  // this release does not take H5S_ALL
        hsize_t present = 0;
        check(H5Dget_num_chunks(handle_.id(), space.id(), &present),
              fmt::format("cannot count the chunks of {}", place()),
              "check the file with 'h5dump -H', copy or download it again");
        hsize_t needed = 1;
        for (std::size_t i = 0; i < shape_.size(); ++i) {
            needed *= static_cast<hsize_t>((shape_[i] - 1) / chunk_[i] + 1);
        }
        require(present >= needed, ExitCode::data_error,
                "{} was not written to its end ({} of its {} chunks are missing, and would be read as fill values): {}",
                place(), needed - std::min(present, needed), needed, remedy);
    } else if (layout == H5D_CONTIGUOUS) {
        H5D_space_status_t status = H5D_SPACE_STATUS_ALLOCATED;
        check(H5Dget_space_status(handle_.id(), &status), fmt::format("cannot inspect the storage of {}", place()),
              "check the file with 'h5dump -H', copy or download it again");
        require(status != H5D_SPACE_STATUS_NOT_ALLOCATED, ExitCode::data_error,
                "{} was never written (its storage, one piece for shape {}, is missing and would be read as fill "
                "values): {}",
                place(), to_string(shape_), remedy);
    }
}

/// The file that holds the dataset: another one than was opened where an external link leads to it.
std::string Dataset::holder() const {
    return text_of([&](char* text, std::size_t size) { return H5Fget_name(handle_.id(), text, size); });
}

/// Before anything is read: what is read may be wanted without require_stored().
void Dataset::require_sources_within_reach(std::int64_t plist) const {
    std::size_t sources = 0;
    H5Pget_virtual_count(plist, &sources);
    std::string const file = holder();
    for (std::size_t i = 0; i < sources; ++i) {
        std::string const source = name_of_block(
            text_of([&](char* text, std::size_t size) { return H5Pget_virtual_filename(plist, i, text, size); }), 0);
        Search const search = search_file(file, source, "HDF5_VDS_PREFIX");
        if (source == "." || !search.found || search.by_prefix) { continue; }
        reach_.require(place() + " is a virtual dataset", source, *search.found);
    }
}

void Dataset::require_sources(std::int64_t plist, Unwritten unwritten, int depth) const {
    std::size_t sources = 0;
    H5Pget_virtual_count(plist, &sources);
    Handle covered(H5Dget_space(handle_.id()));
    if (!shape_.empty()) { H5Sselect_none(covered.id()); }
    bool all = false;
    for (std::size_t i = 0; i < sources; ++i) {
        std::string const file =
            text_of([&](char* text, std::size_t size) { return H5Pget_virtual_filename(plist, i, text, size); });
        std::string const name =
            text_of([&](char* text, std::size_t size) { return H5Pget_virtual_dsetname(plist, i, text, size); });
        Handle const target(H5Pget_virtual_vspace(plist, i)), selection(H5Pget_virtual_srcspace(plist, i));
        Endless endless;
        if (!endless.inspect(target.id(), shape_.size())) {
            require_source(file, name, selection.id(), H5Sget_select_npoints(target.id()), unwritten, depth);
            if (H5Sget_select_type(target.id()) == H5S_SEL_ALL) {
                all = true;
            } else if (H5Sget_select_npoints(covered.id()) == 0) {
                covered = Handle(H5Scopy(target.id()));
            } else {
                Handle joined(H5Scombine_select(covered.id(), H5S_SELECT_OR, target.id()));
                check(joined.id(), fmt::format("cannot join the source selections of {}", place()),
                      "make the virtual dataset anew");
                covered = std::move(joined);
            }
            continue;
        }
        auto const extent = static_cast<hsize_t>(shape_[endless.axis]);
        bool const many = file.find('%') != std::string::npos || name.find('%') != std::string::npos;
        hsize_t const blocks = endless.blocks(extent);
        for (hsize_t block = 0; block < blocks; ++block) {
            if (many || block == 0) {
                require_source(name_of_block(file, block), name_of_block(name, block), selection.id(), 0, unwritten,
                               depth);
            }
            endless.add_block(covered.id(), block, extent);
        }
    }
    if (all || shape_.empty() || unwritten == Unwritten::allow) { return; }
    hssize_t const mapped = H5Sget_select_npoints(covered.id());
    require(mapped >= volume(), ExitCode::data_error,
            "{} is a virtual dataset of which {} of {} elements have no source (they would be read as fill values): "
            "make the virtual dataset anew; where what is absent means the fill value, say so by `fill: keep` of the "
            "data in the deck",
            place(), volume() - mapped, volume());
}

/// @param selection of the elements that are taken from the source
/// @param taken their number; 0: not known
void Dataset::require_source(std::string const& file, std::string const& name, std::int64_t selection, Index taken,
                             Unwritten unwritten, int depth) const {
    std::string const path = find_source(place(), reach_, holder(), file);
    File const opened = File::open(path, reach_);
    if (!opened.contains(name)) {
        std::vector<std::string> const names = names_like(name, opened.datasets(), 4);
        fail(ExitCode::data_error,
             "{} is a virtual dataset whose source dataset '{}' of '{}' is missing ({}): write it again, or make the "
             "virtual dataset anew",
             place(), name, path, names.empty() ? "the file has no datasets" : "the file has " + join_quoted(names));
    }
    Dataset const source = opened.dataset(name);
    Sizes first(H5S_MAX_RANK), last(H5S_MAX_RANK);
    int const rank = H5Sget_simple_extent_ndims(selection);
    bool const whole = H5Sget_select_type(selection) == H5S_SEL_ALL;  // its extent may not be stored
    bool fits = whole ? taken == 0 || taken == source.volume() : rank == static_cast<int>(source.shape().size());
    if (fits && !whole && rank > 0 && H5Sget_select_bounds(selection, first.data(), last.data()) >= 0) {
        for (std::size_t i = 0; i < source.shape().size(); ++i) {
            bool const open_end = last[i] >= H5S_UNLIMITED - 1;
            fits = fits && (open_end || last[i] < static_cast<hsize_t>(source.shape()[i]));
        }
    }
    require(fits, ExitCode::data_error,
            "{} is a virtual dataset that takes more of its source {} than that holds (shape {}): write the source "
            "again, or make the virtual dataset anew",
            place(), source.place(), to_string(source.shape()));
    source.require_stored(unwritten, depth + 1);
}

std::vector<std::string> Dataset::other_files() const {
    Lock const lock;
    std::vector<std::string> files;
    std::string const own = holder();
    if (own != file_) { files.push_back(own); }
    auto const add = [&](std::string const& name, char const* prefix_variable) {
        if (std::optional<std::string> found = search_file(own, name, prefix_variable).found) {
            files.push_back(*std::move(found));
        }
    };
    Handle const plist(H5Dget_create_plist(handle_.id()));
    int const external = H5Pget_external_count(plist.id());
    for (int i = 0; i < external; ++i) {
        std::string name(4096, '\0');
        off_t offset = 0;
        hsize_t size = 0;
        H5Pget_external(plist.id(), static_cast<unsigned>(i), name.size() - 1, name.data(), &offset, &size);
        add(name.c_str(), "HDF5_EXTFILE_PREFIX");
    }
    std::size_t sources = 0;
    if (H5Pget_layout(plist.id()) == H5D_VIRTUAL) { H5Pget_virtual_count(plist.id(), &sources); }
    for (std::size_t i = 0; i < sources; ++i) {
        std::string const pattern =
            text_of([&](char* text, std::size_t size) { return H5Pget_virtual_filename(plist.id(), i, text, size); });
        hsize_t const blocks = pattern.find("%b") == std::string::npos || shape_.empty()
                                   ? 1
                                   : static_cast<hsize_t>(*std::max_element(shape_.begin(), shape_.end()));
        for (hsize_t block = 0; block < blocks && pattern != "."; ++block) {
            add(name_of_block(pattern, block), "HDF5_VDS_PREFIX");
        }
    }
    return files;
}

std::vector<long double> Dataset::attribute_numbers(std::string const& key) const {
    Lock const lock;
    if (H5Aexists(handle_.id(), key.c_str()) <= 0) { return {}; }
    Handle const attribute(H5Aopen(handle_.id(), key.c_str(), H5P_DEFAULT));
    Handle const type(H5Aget_type(attribute.id())), space(H5Aget_space(attribute.id()));
    Type const kind = classify(type.id());
    hssize_t const count = H5Sget_simple_extent_npoints(space.id());
    if (kind == Type::other || is_complex(kind) || count <= 0) { return {}; }
    std::vector<long double> numbers;
    auto const read = [&]<class T>(T /*example*/) {
        std::vector<T> values(static_cast<std::size_t>(count));
        check(H5Aread(attribute.id(), memory_type(type_of<T>), values.data()),
              fmt::format("cannot read attribute '{}' of {}", key, place()), "check the file with 'h5dump -A'");
        numbers.assign(values.begin(), values.end());
    };
    if (kind == Type::u64) {
        read(std::uint64_t{});
    } else if (is_integer(kind)) {
        read(std::int64_t{});
    } else {
        read(double{});
    }
    return numbers;
}

std::optional<long double> Dataset::chosen_fill() const {
    Lock const lock;
    Handle const plist(H5Dget_create_plist(handle_.id()));
    H5D_fill_value_t defined = H5D_FILL_VALUE_UNDEFINED;
    if (H5Pfill_value_defined(plist.id(), &defined) < 0 || defined != H5D_FILL_VALUE_USER_DEFINED) { return {}; }
    if (!field_.empty() || type_ == Type::other || is_complex(type_)) { return {}; }
    auto const get = [&]<class T>(T value) -> std::optional<long double> {
        if (H5Pget_fill_value(plist.id(), memory_type(type_of<T>), &value) < 0) { return {}; }
        return value;
    };
    if (type_ == Type::u64) { return get(std::uint64_t{}); }
    if (is_integer(type_)) { return get(std::int64_t{}); }
    return get(double{});
}

}  // namespace aureole::hdf5
