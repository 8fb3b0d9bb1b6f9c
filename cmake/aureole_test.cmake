# aureole_add_test(<name> SOURCES <files> [LIBRARIES <targets>] [LABELS <labels>] [TIMEOUT <seconds>] [NP <counts>])
# One executable per folder of unit_tests, registered with ctest under its name. One thread per process. With NP the
# program runs once under the MPI launcher for each number of ranks, as <name>.np<count>; a deadlock meets the time limit.
set(AUREOLE_TEST_TIMEOUT 300 CACHE STRING "Seconds after which a test fails that states no limit of its own")
set(AUREOLE_MPIEXEC_FLAGS "--oversubscribe;--bind-to;none" CACHE STRING "Options of the MPI launcher in tests")
function(aureole_add_test name)
  cmake_parse_arguments(ARG "" "TIMEOUT" "SOURCES;LIBRARIES;LABELS;NP;STAGED_NP" ${ARGN})
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
  add_executable(${name} ${ARG_SOURCES})
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
