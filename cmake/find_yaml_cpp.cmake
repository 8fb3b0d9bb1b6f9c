# aureole::yaml_cpp; the imported target is called yaml-cpp or yaml-cpp::yaml-cpp, depending on the version.
find_package(yaml-cpp REQUIRED)
add_library(aureole_yaml_cpp INTERFACE)
add_library(aureole::yaml_cpp ALIAS aureole_yaml_cpp)
if(TARGET yaml-cpp::yaml-cpp)
  target_link_libraries(aureole_yaml_cpp INTERFACE yaml-cpp::yaml-cpp)
else()
  target_link_libraries(aureole_yaml_cpp INTERFACE yaml-cpp)
endif()
