# aureole_add_test(<name> SOURCES <files> [LIBRARIES <targets>] [LABELS <labels>] [TIMEOUT <seconds>] [NP <counts>] [BUNDLED])
# One executable per folder of unit_tests, registered with ctest under its name. One thread per process. With NP the
# program runs once under the MPI launcher for each number of ranks, as <name>.np<count>; a deadlock meets the time limit.
# BUNDLED tests run kernels: they are also part of one of the two test programs of the bundle (aureole_add_bundled_tests).
set(AUREOLE_TEST_TIMEOUT 300 CACHE STRING "Seconds after which a test fails that states no limit of its own")
set(AUREOLE_MPIEXEC_FLAGS "--oversubscribe;--bind-to;none" CACHE STRING "Options of the MPI launcher in tests")
function(aureole_add_test name)
  cmake_parse_arguments(ARG "BUNDLED" "TIMEOUT" "SOURCES;LIBRARIES;LABELS;NP;STAGED_NP" ${ARGN})
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT ${AUREOLE_TEST_TIMEOUT})
  endif()
  set(main aureole_test_main)
  if(ARG_NP)
    set(main aureole_mpi_test_main)
    list(APPEND ARG_LABELS mpi)
  elseif(NOT ARG_LABELS)
    set(ARG_LABELS unit)
  endif()
  if(ARG_BUNDLED)
    add_library(${name}_objects OBJECT ${ARG_SOURCES})
    target_link_libraries(${name}_objects PRIVATE aureole_options ${main} ${ARG_LIBRARIES})
    add_executable(${name} $<TARGET_OBJECTS:${name}_objects>)
    set_property(GLOBAL APPEND PROPERTY aureole_bundled_tests_of_${main} ${name})
    set_property(GLOBAL APPEND PROPERTY aureole_bundled_libraries_of_${main} ${ARG_LIBRARIES})
  else()
    add_executable(${name} ${ARG_SOURCES})
  endif()
  target_link_libraries(${name} PRIVATE aureole_options ${main} ${ARG_LIBRARIES})
  if(NOT ARG_NP)
    add_test(NAME ${name} COMMAND ${name})
    set(tests ${name})
  endif()
  foreach(ranks IN LISTS ARG_NP)
    add_test(NAME ${name}.np${ranks}
      COMMAND ${MPIEXEC_EXECUTABLE} ${MPIEXEC_NUMPROC_FLAG} ${ranks} ${AUREOLE_MPIEXEC_FLAGS} $<TARGET_FILE:${name}>)
    set_tests_properties(${name}.np${ranks} PROPERTIES PROCESSORS ${ranks})
    list(APPEND tests ${name}.np${ranks})
  endforeach()
  foreach(ranks IN LISTS ARG_STAGED_NP)  # the same with messages by way of host memory
    add_test(NAME ${name}.staged.np${ranks}
      COMMAND ${MPIEXEC_EXECUTABLE} ${MPIEXEC_NUMPROC_FLAG} ${ranks} ${AUREOLE_MPIEXEC_FLAGS} $<TARGET_FILE:${name}> --staged)
    set_tests_properties(${name}.staged.np${ranks} PROPERTIES PROCESSORS ${ranks})
    list(APPEND tests ${name}.staged.np${ranks})
  endforeach()
  # root may start processes too: containers have no other user
  set_tests_properties(${tests} PROPERTIES TIMEOUT ${ARG_TIMEOUT} LABELS "${ARG_LABELS}"
    ENVIRONMENT "OMP_NUM_THREADS=1;AUREOLE_SOURCE_DIR=${PROJECT_SOURCE_DIR};OMPI_ALLOW_RUN_AS_ROOT=1;OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1")
endfunction()

# aureole_starts_the_program(<test program>): it starts aureole, alone or under the MPI launcher (unit_tests/app/process.hpp)
function(aureole_starts_the_program test)
  list(JOIN AUREOLE_MPIEXEC_FLAGS " " mpiexec_flags)
  target_compile_definitions(${test} PRIVATE
    AUREOLE_EXECUTABLE="$<TARGET_FILE:aureole>"
    AUREOLE_MPIEXEC="${MPIEXEC_EXECUTABLE}"
    AUREOLE_MPIEXEC_NP="${MPIEXEC_NUMPROC_FLAG}"
    AUREOLE_MPIEXEC_FLAGS="${mpiexec_flags}")
endfunction()

# aureole_add_bundled_tests(<name> <main>): one program of all tests that were registered as BUNDLED with that main. Every
# program holds all kernels; one instead of many keeps the bundle small.
function(aureole_add_bundled_tests name main)
  get_property(tests GLOBAL PROPERTY aureole_bundled_tests_of_${main})
  get_property(libraries GLOBAL PROPERTY aureole_bundled_libraries_of_${main})
  list(REMOVE_DUPLICATES libraries)
  list(TRANSFORM tests REPLACE "(.+)" "$<TARGET_OBJECTS:\\1_objects>" OUTPUT_VARIABLE objects)
  add_executable(${name} EXCLUDE_FROM_ALL ${objects})
  target_link_libraries(${name} PRIVATE aureole_options ${main} ${libraries})
endfunction()
