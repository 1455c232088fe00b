"""The OpenAI chat completions dialect; `codec` is what others use of it.

    request                                   what a web process reads of a request
    parse_request  _messages  _content  _tools    wire -> canonical request
    render_request  _messages                     canonical request -> wire
    native                                    an upstream's answer for a client of this dialect
    parse_answer  answer  tool_calls  citations   an upstream's answer -> events
    render_answer  render_stream  render_parts    answer or events -> wire
    reasoning  media  usage  manners  errors      what both directions need

Source: https://platform.openai.com/docs/api-reference/chat
"""
