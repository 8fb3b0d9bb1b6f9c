# aureole::onednn, version 2 or 3. The CMake files of some packages ask for OpenCL headers that the CPU engine does not
# need, so the library is found by hand.
find_path(AUREOLE_ONEDNN_INCLUDE oneapi/dnnl/dnnl.hpp)
find_library(AUREOLE_ONEDNN_LIBRARY NAMES dnnl)
if(NOT AUREOLE_ONEDNN_INCLUDE OR NOT AUREOLE_ONEDNN_LIBRARY)
  message(FATAL_ERROR "oneDNN was not found: install libdnnl-dev, or configure with -DAUREOLE_ONEDNN=OFF")
endif()
add_library(aureole_onednn INTERFACE)
add_library(aureole::onednn ALIAS aureole_onednn)
target_include_directories(aureole_onednn SYSTEM INTERFACE "${AUREOLE_ONEDNN_INCLUDE}")
target_link_libraries(aureole_onednn INTERFACE "${AUREOLE_ONEDNN_LIBRARY}")
