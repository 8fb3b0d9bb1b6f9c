# Finds every third-party library and gives it one target name, aureole::<library>, on every supported distribution.
find_package(Threads REQUIRED)
find_package(OpenMP COMPONENTS CXX)
find_package(fmt REQUIRED)
find_package(MPI REQUIRED COMPONENTS CXX)
include(find_kokkos)
if(AUREOLE_ONEDNN)
  include(find_onednn)
endif()
include(find_hdf5)
include(find_yaml_cpp)
include(find_image_libraries)
find_path(XXHASH_INCLUDE_DIR xxhash.h REQUIRED)
find_library(XXHASH_LIBRARY xxhash REQUIRED)
add_library(aureole::xxhash INTERFACE IMPORTED)
set_target_properties(aureole::xxhash PROPERTIES
  INTERFACE_INCLUDE_DIRECTORIES "${XXHASH_INCLUDE_DIR}"
  INTERFACE_LINK_LIBRARIES "${XXHASH_LIBRARY}")

configure_file("${CMAKE_CURRENT_LIST_DIR}/config.hpp.in" "${PROJECT_BINARY_DIR}/generated/core/config.hpp")
