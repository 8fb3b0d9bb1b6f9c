# aureole::hdf5: the C library, parallel build preferred. aureole::lzf where liblzf is found: h5py's LZF filter (32000).
enable_language(C)  # the search compiles a C program
set(HDF5_PREFER_PARALLEL ON)
find_package(HDF5 REQUIRED COMPONENTS C)
add_library(aureole_hdf5 INTERFACE)
add_library(aureole::hdf5 ALIAS aureole_hdf5)
target_include_directories(aureole_hdf5 SYSTEM INTERFACE ${HDF5_C_INCLUDE_DIRS})
target_link_libraries(aureole_hdf5 INTERFACE ${HDF5_C_LIBRARIES})
if(HDF5_IS_PARALLEL)
  # its header includes mpi.h
  find_package(MPI REQUIRED COMPONENTS CXX)
  target_link_libraries(aureole_hdf5 INTERFACE MPI::MPI_CXX)
endif()

find_path(AUREOLE_LZF_INCLUDE lzf.h PATH_SUFFIXES liblzf)
find_library(AUREOLE_LZF_LIBRARY NAMES lzf)
if(AUREOLE_LZF_INCLUDE AND AUREOLE_LZF_LIBRARY)
  add_library(aureole_lzf INTERFACE)
  add_library(aureole::lzf ALIAS aureole_lzf)
  target_include_directories(aureole_lzf SYSTEM INTERFACE "${AUREOLE_LZF_INCLUDE}")
  target_link_libraries(aureole_lzf INTERFACE "${AUREOLE_LZF_LIBRARY}")
else()
  message(STATUS "liblzf was not found: LZF-compressed HDF5 data need a filter plugin at run time")
endif()
