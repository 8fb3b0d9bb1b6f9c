#include "io/hdf5/links.hpp"

#include <algorithm>
#include <array>
#include <set>

namespace aureole::hdf5 {

namespace {

constexpr char const* external_link_prefixes = "HDF5_EXT_PREFIX";

/// The work of list_contents().
class Listing {
  public:
    Listing(Reach const& reach, std::string const& file, OutOfReach rule, Contents& contents)
        : reach_(reach), file_(file), rule_(rule), contents_(contents) {}

    void add(hid_t group, std::string const& prefix) {
        constexpr std::size_t deepest = 256;
        std::size_t const most_repeated = rule_ == OutOfReach::refuse ? std::size_t{1} << 16 : std::size_t{1} << 10;
        H5G_info_t info;
        Identity const identity = identity_of(group);
        bool const is_within_itself = std::find(way_.begin(), way_.end(), identity) != way_.end();
        if (is_within_itself || H5Gget_info(group, &info) < 0) { return; }
        repeated_ += seen_.insert(identity).second ? 0 : 1;
        require(repeated_ <= most_repeated && way_.size() < deepest, ExitCode::data_error,
                "the groups of '{}' have more than {} paths beside their first, or are nested more than {} deep (at "
                "'{}'): name a dataset itself, or write the file anew with fewer links among its groups",
                file_, most_repeated, deepest, prefix.substr(0, longest_shown));
        way_.push_back(identity);
        for (hsize_t i = 0; i < info.nlinks; ++i) { add_member(group, prefix, link_name(group, i)); }
        way_.pop_back();
    }

  private:
    using Identity = std::array<unsigned long, 4>;
    static constexpr std::size_t longest_shown = 60;

    static Identity identity_of(hid_t group) {
        H5G_stat_t status{};
        H5Gget_objinfo(group, ".", 1, &status);
        return {status.fileno[0], status.fileno[1], status.objno[0], status.objno[1]};
    }

    Handle open_member(hid_t group, std::string const& name) const {
        try {
            return open_any(group, name, reach_);
        } catch (Error const& /*error*/) {
            if (rule_ == OutOfReach::refuse) { throw; }
        }
        return {};
    }

    void add_member(hid_t group, std::string const& prefix, std::string const& name) {
        Handle const object = open_member(group, name);
        std::string path = prefix + "/" + name;
        if (!object.valid()) { return contents_.dangling.push_back(std::move(path)); }
        H5I_type_t const kind = H5Iget_type(object.id());
        if (kind == H5I_GROUP) { add(object.id(), path); }
        if (kind == H5I_DATASET) { contents_.datasets.push_back(std::move(path)); }
    }

    Reach const& reach_;
    std::string const& file_;
    OutOfReach rule_;
    Contents& contents_;
    std::vector<Identity> way_;  ///< of the groups that are entered
    std::set<Identity> seen_;
    std::size_t repeated_ = 0;
};

}  // namespace

LinkAccess::LinkAccess(hid_t kind, Reach const& reach) : properties_(H5Pcreate(kind)), reach_(reach) {
    H5Pset_elink_cb(properties_.id(), judge, this);
}

herr_t LinkAccess::judge(char const* file, char const* group, char const* target, char const* object,
                         unsigned* /*flags*/, hid_t /*access*/, void* self) noexcept {
    auto* const access = static_cast<LinkAccess*>(self);
    try {
        Search const search = search_file(file, target, external_link_prefixes);
        if (!search.found || search.by_prefix) { return 0; }
        access->reach_.require(fmt::format("group '{}' of '{}' has an external link to '{}'", group, file, object),
                               target, *search.found);
        return 0;
    } catch (std::exception const& error) { access->fault_ = error.what(); }
    return -1;
}

/// External files are looked for beside the HDF5 file. The library refuses to open one dataset with two such settings
/// at a time, so only datasets with external files get it.
Handle open_dataset(hid_t group, std::string const& name, Reach const& reach, std::size_t cache_bytes) {
    LinkAccess const access(H5P_DATASET_ACCESS, reach);
    if (cache_bytes != 0) {
        constexpr std::size_t slots = 12421;
        H5Pset_chunk_cache(access.id(), slots, cache_bytes, H5D_CHUNK_CACHE_W0_DEFAULT);
    }
    Handle handle(H5Dopen2(group, name.c_str(), access.id()));
    access.require_followed();
    if (handle.valid()) {
        Handle const plist(H5Dget_create_plist(handle.id()));
        if (H5Pget_external_count(plist.id()) <= 0) { return handle; }
        handle.release();
    }
    H5Pset_efile_prefix(access.id(), "${ORIGIN}");
    return Handle(H5Dopen2(group, name.c_str(), access.id()));
}

Handle open_any(hid_t group, std::string const& name, Reach const& reach) {
    LinkAccess const access(H5P_LINK_ACCESS, reach);
    Handle object(H5Oopen(group, name.c_str(), access.id()));
    access.require_followed();
    return object.valid() ? std::move(object) : open_dataset(group, name, reach, 0);
}

std::string link_name(hid_t group, hsize_t number) {
    auto const get = [&](char* text, std::size_t size) {
        return H5Lget_name_by_idx(group, ".", H5_INDEX_NAME, H5_ITER_INC, number, text, size, H5P_DEFAULT);
    };
    std::string name(static_cast<std::size_t>(std::max<ssize_t>(0, get(nullptr, 0))), '\0');
    get(name.data(), name.size() + 1);
    return name;
}

void list_contents(hid_t file, std::string const& path, Reach const& reach, OutOfReach rule, Contents& contents) {
    Handle const root(H5Gopen2(file, "/", H5P_DEFAULT));
    Listing(reach, path, rule, contents).add(root.id(), "");
}

std::string target_of_link(hid_t file, std::string const& path, std::string const& holder) {
    H5L_info_t info;
    if (H5Lget_info(file, path.c_str(), &info, H5P_DEFAULT) < 0 || info.type == H5L_TYPE_HARD) { return {}; }
    std::vector<char> value(info.u.val_size + 1, '\0');
    if (H5Lget_val(file, path.c_str(), value.data(), info.u.val_size, H5P_DEFAULT) < 0) { return {}; }
    if (info.type == H5L_TYPE_SOFT) {
        return fmt::format("a link to '{}' of the same file, where nothing is", value.data());
    }
    char const *target = nullptr, *object = nullptr;
    unsigned flags = 0;
    if (info.type != H5L_TYPE_EXTERNAL ||
        H5Lunpack_elink_val(value.data(), info.u.val_size, &flags, &target, &object) < 0) {
        return "a link of a kind that the library does not know";
    }
    Search const search = search_file(holder, target, external_link_prefixes);
    return search.found ? fmt::format("an external link to '{}' of '{}', where nothing is that can be opened", object,
                                      *search.found)
                        : fmt::format("an external link to '{}' of the file '{}', which is missing (looked for as {})",
                                      object, target, search.tried);
}

}  // namespace aureole::hdf5
