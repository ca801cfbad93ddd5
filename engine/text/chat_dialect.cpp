// SPDX-License-Identifier: MIT
//
// The wording around tool schemas in the public DeepSeek-V4 encoder (`encoding_dsv4.py`, MIT):
// wire constants the model was trained with, byte for byte.
#include "engine/chat.h"

namespace starglass {

ChatDialect ChatDialect::official() {
    ChatDialect dialect;
    dialect.tools_head =
        "## Tools\n\n"
        "You have access to a set of tools to help answer the user's question. You can invoke "
        "tools "
        "by writing a \"<｜DSML｜tool_calls>\" block like the following:\n\n"
        "<｜DSML｜tool_calls>\n"
        "<｜DSML｜invoke name=\"$TOOL_NAME\">\n"
        "<｜DSML｜parameter name=\"$PARAMETER_NAME\" string=\"true|false\">$PARAMETER_VALUE"
        "</｜DSML｜parameter>\n"
        "...\n"
        "</｜DSML｜invoke>\n"
        "<｜DSML｜invoke name=\"$TOOL_NAME2\">\n"
        "...\n"
        "</｜DSML｜invoke>\n"
        "</｜DSML｜tool_calls>\n\n"
        "String parameters should be specified as is and set `string=\"true\"`. For all other "
        "types "
        "(numbers, booleans, arrays, objects), pass the value in JSON format and set "
        "`string=\"false\"`.\n\n"
        "If thinking_mode is enabled (triggered by <think>), you MUST output your complete "
        "reasoning "
        "inside <think>...</think> BEFORE any tool calls or final response.\n\n"
        "Otherwise, output directly after </think> with tool calls or final response.\n\n"
        "### Available Tool Schemas\n\n";
    dialect.tools_tail =
        "\n\nYou MUST strictly follow the above defined tool name and parameter schemas to invoke "
        "tool calls.\n";
    return dialect;
}

}  // namespace starglass
