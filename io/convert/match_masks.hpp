#pragma once
#include <string>
#include <vector>

namespace aureole::convert {

/// The mask of each image, in their order, by the names of their files without extension. Where all masks are called
/// like an image and one suffix, these belong together: a and ab have a_mask and ab_mask, or am and abm. Otherwise a
/// mask is called like its image, or like it with a suffix that begins with one of "_-. ", and of images whose names
/// begin alike (a, a_b) belongs to the one with the longest name. Images without a mask, with two, of one name, and
/// masks without an image are an Error(data_error). @param folder of the masks, for messages
[[nodiscard]] std::vector<std::string> match_masks(std::vector<std::string> const& images,
                                                   std::vector<std::string> const& masks, std::string const& folder);

}  // namespace aureole::convert
