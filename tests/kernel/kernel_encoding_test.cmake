# SPDX-License-Identifier: MIT
# cmake -DOBJDUMP=... -DLIBRARY=libsg_kernel.a -P kernel_encoding_test.cmake
execute_process(COMMAND ${OBJDUMP} -d --no-show-raw-insn ${LIBRARY}
                OUTPUT_VARIABLE listing RESULT_VARIABLE status)
if(NOT status EQUAL 0)
  message(FATAL_ERROR "cannot disassemble ${LIBRARY}")
endif()
string(FIND "${listing}" "vpdp" any)
if(any EQUAL -1)
  message(FATAL_ERROR "no dot product instruction in ${LIBRARY}: this test looks at the wrong file")
endif()
string(FIND "${listing}" "{vex} vpdp" vex)
if(NOT vex EQUAL -1)
  string(SUBSTRING "${listing}" ${vex} 60 line)
  message(FATAL_ERROR "AVX-VNNI in ${LIBRARY}: ${line}")
endif()
