# Writes version.cpp with the project's version and the commit it is built from, at every build.
set(AUREOLE_VERSION_SOURCE "${PROJECT_BINARY_DIR}/generated/version.cpp")
add_custom_target(aureole_version
  BYPRODUCTS "${AUREOLE_VERSION_SOURCE}"
  COMMAND "${CMAKE_COMMAND}" -D "SOURCE=${PROJECT_SOURCE_DIR}" -D "OUTPUT=${AUREOLE_VERSION_SOURCE}"
          -D "PROJECT_VERSION=${PROJECT_VERSION}" -P "${CMAKE_CURRENT_LIST_DIR}/write_version.cmake")
