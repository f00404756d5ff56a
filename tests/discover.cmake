# Included by the test programs' list for CTest, each time CTest starts: adds one test for each suite of a program. A process
# for each case would start libraries and threads 1400 times. PROGRAM, PREFIX and PROPERTIES are set by the file that
# includes this; suites and instances whose name starts with Cuda get the label gpu.
execute_process(COMMAND ${PROGRAM} --gtest_list_tests
  TIMEOUT 120 OUTPUT_VARIABLE suites ERROR_VARIABLE complaint RESULT_VARIABLE result)
if(NOT result EQUAL 0)
  # A test that fails, where CTest would count none.
  add_test(${PREFIX}.not_listed ${PROGRAM} --gtest_list_tests)
  return()
endif()
string(REGEX MATCHALL "(^|\n)[^ #\n]+" suites "${suites}")  # the lines of cases are indented
foreach(suite IN LISTS suites)
  string(REGEX REPLACE "\n|\\.$" "" suite "${suite}")
  set(name "${PREFIX}.${suite}")
  add_test("${name}" ${PROGRAM} "--gtest_filter=${suite}.*")
  set_tests_properties("${name}" PROPERTIES ${PROPERTIES})
  if(suite MATCHES "(^|/)Cuda")
    set_tests_properties("${name}" PROPERTIES LABELS gpu)
  endif()
endforeach()
