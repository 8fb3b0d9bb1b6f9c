#pragma once
// For the .cpp files of this folder only: links of a file, and what they lead to.
#include <string>
#include <vector>

#include "io/hdf5/library.hpp"
#include "io/hdf5/reach.hpp"

namespace aureole::hdf5 {

/// How links of a file are followed. The library asks before it opens the file that an external link names.
class LinkAccess {
  public:
    /// @param kind H5P_LINK_ACCESS, or H5P_DATASET_ACCESS
    LinkAccess(hid_t kind, Reach const& reach);
    LinkAccess(LinkAccess const&) = delete;
    LinkAccess& operator=(LinkAccess const&) = delete;

    [[nodiscard]] hid_t id() const { return properties_.id(); }
    /// Throws if an external link was not followed because it leads out of reach.
    void require_followed() const { require(fault_.empty(), ExitCode::data_error, "{}", fault_); }

  private:
    static herr_t judge(char const* file, char const* group, char const* target, char const* object, unsigned* flags,
                        hid_t access, void* self) noexcept;

    Handle properties_;
    Reach const& reach_;
    std::string fault_;
};

/// A dataset, or an object of any kind, by its name; invalid if there is none that can be opened. A link out of reach
/// is an Error. @param cache_bytes room for decompressed chunks (0: the library's default)
[[nodiscard]] Handle open_dataset(hid_t group, std::string const& name, Reach const& reach, std::size_t cache_bytes);
[[nodiscard]] Handle open_any(hid_t group, std::string const& name, Reach const& reach);

/// The name of a member of a group, counted in the order of their names.
[[nodiscard]] std::string link_name(hid_t group, hsize_t number);

/// Paths in a file, in the order of their names.
struct Contents {
    std::vector<std::string> datasets;
    std::vector<std::string> dangling;  ///< links to what cannot be opened, because it is not there or damaged
};
/// What is done about external links out of reach.
enum class OutOfReach : std::uint8_t { refuse, leave_out };

/// Lists the datasets of a file. Links can form cycles: a group is not entered where it lies within itself. Groups that
/// many links lead to are listed under each of their paths, within a limit beyond which there is an Error; what was
/// found until then is kept. @param path of the file, for messages
void list_contents(hid_t file, std::string const& path, Reach const& reach, OutOfReach rule, Contents& contents);

/// What a link that leads nowhere was to lead to: "a link to '/x' of the same file, where nothing is"; empty for
/// objects themselves. @param holder the file
[[nodiscard]] std::string target_of_link(hid_t file, std::string const& path, std::string const& holder);

}  // namespace aureole::hdf5
