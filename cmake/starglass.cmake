# SPDX-License-Identifier: MIT
#
# The few CMake words this project is built with.

find_package(Threads REQUIRED)
find_package(fmt REQUIRED)
find_package(tl-expected REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(OpenSSL REQUIRED)
find_package(PkgConfig REQUIRED)

find_program(CCACHE ccache)
if(CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE})
  set(CMAKE_C_COMPILER_LAUNCHER ${CCACHE})
endif()

add_library(sg_flags INTERFACE)
target_compile_options(sg_flags INTERFACE -Wall -Wextra -Wpedantic -Wno-unused-parameter
                                          -fno-math-errno -ffp-contract=off)
if(CMAKE_BUILD_TYPE STREQUAL "Debug")
  target_compile_options(sg_flags INTERFACE -Wshadow -Wconversion -Wno-sign-conversion)
endif()
if(STARGLASS_SANITIZE)
  add_compile_options(-fsanitize=${STARGLASS_SANITIZE} -fno-omit-frame-pointer
                      -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${STARGLASS_SANITIZE})
endif()
if(STARGLASS_SANITIZE MATCHES "address")
  # Optimised as a release is, but with our assertions and the library's.
  add_compile_options(-UNDEBUG -D_GLIBCXX_ASSERTIONS)
endif()
# Instrumented code runs this many times slower than the limits of the tests expect.
set(sg_timeout_scale 1)
if(STARGLASS_SANITIZE MATCHES "thread")
  set(sg_timeout_scale 10)
elseif(STARGLASS_SANITIZE)
  set(sg_timeout_scale 5)
endif()
# What libraries that are not ours are allowed has its reasons in tests/sanitizers. The caller's environment comes last, so
# it wins.
set(sg_sanitizer_options)
set(sg_left_out "suppressions=${PROJECT_SOURCE_DIR}/tests/sanitizers")
if(STARGLASS_SANITIZE MATCHES "address")
  set(sg_sanitizer_options
    "ASAN_OPTIONS=string_prepend:strict_string_checks=1:"
    "UBSAN_OPTIONS=string_prepend:print_stacktrace=1:"
    "LSAN_OPTIONS=string_prepend:${sg_left_out}/lsan.txt:print_suppressions=0:")
elseif(STARGLASS_SANITIZE MATCHES "thread")
  # Qt and Mesa are not instrumented: what happens inside them is not looked at. Tests that kill a child of theirs start threads
  # in it, which the checker otherwise refuses.
  set(sg_sanitizer_options
    "TSAN_OPTIONS=string_prepend:${sg_left_out}/tsan.txt:ignore_noninstrumented_modules=1:second_deadlock_stack=1:die_after_fork=0:")
endif()
if(STARGLASS_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()

# sg_library(base SOURCES a.cpp b.cpp DEPENDS sg_x fmt::fmt [PRIVATE_DEPENDS ...])
# makes the static library sg_<name>. DEPENDS are public: the include graph follows them.
function(sg_library name)
  cmake_parse_arguments(arg "" "" "SOURCES;DEPENDS;PRIVATE_DEPENDS" ${ARGN})
  add_library(sg_${name} STATIC ${arg_SOURCES})
  target_include_directories(sg_${name} PUBLIC ${PROJECT_SOURCE_DIR}/engine)
  target_link_libraries(sg_${name} PUBLIC ${arg_DEPENDS} PRIVATE sg_flags ${arg_PRIVATE_DEPENDS})
endfunction()

# sg_test(NAME name SOURCES ... DEPENDS ... LABELS unit [TIMEOUT seconds])
# makes a GoogleTest executable and one ctest entry of that name.
function(sg_test)
  cmake_parse_arguments(arg "" "NAME;TIMEOUT" "SOURCES;DEPENDS;LABELS;ARGS" ${ARGN})
  add_executable(${arg_NAME} ${arg_SOURCES})
  target_include_directories(${arg_NAME} PRIVATE ${PROJECT_SOURCE_DIR}/engine ${PROJECT_SOURCE_DIR}/tests)
  target_link_libraries(${arg_NAME} PRIVATE sg_flags ${arg_DEPENDS} GTest::gtest GTest::gmock GTest::gtest_main)
  target_compile_definitions(${arg_NAME} PRIVATE
    SG_GOLDEN_DIR="${PROJECT_SOURCE_DIR}/tests/golden" SG_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
  set_target_properties(${arg_NAME} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/tests)
  add_test(NAME ${arg_NAME} COMMAND ${arg_NAME} ${arg_ARGS})
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 300)
  endif()
  sg_test_properties(${arg_NAME} "${arg_LABELS}" ${arg_TIMEOUT})
  if(STARGLASS_SANITIZE MATCHES "thread" AND NOT "vulkan" IN_LIST arg_LABELS)
    # The reference backend has one thread and takes minutes for what the others do in seconds.
    set_property(TEST ${arg_NAME} APPEND PROPERTY ENVIRONMENT_MODIFICATION "GTEST_FILTER=set:-*reference*")
  endif()
endfunction()

# sg_test_properties(name "labels" seconds): what every test executable has, Qt's included.
function(sg_test_properties name labels seconds)
  math(EXPR seconds "${seconds} * ${sg_timeout_scale}")
  set_tests_properties(${name} PROPERTIES LABELS "${labels}" TIMEOUT ${seconds}
    ENVIRONMENT_MODIFICATION "${sg_sanitizer_options}")
endfunction()
