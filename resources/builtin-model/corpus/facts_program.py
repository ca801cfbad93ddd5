# SPDX-License-Identifier: MIT
"""Facts about the program Starglass for the built-in model's corpus.

Plain data: FACTS is a list of {"id", "topic", "answer", "phrases"}. The generator adds
letter case, punctuation and polite frames; the wordings here are lower case and bare.
Facts about models and engines in general live in facts_model.py.
"""

FACTS = []


def _fact(ident, topic, answer, phrases):
    """Appends one fact; `phrases` holds one wording a line."""
    lines = [line.strip() for line in phrases.strip().splitlines()]
    FACTS.append({"id": ident, "topic": topic, "answer": answer.strip(), "phrases": lines})


_fact("starglass", "starglass",
      "**Starglass** is a desktop window onto DeepSeek V4 Flash running on your own machine. You chat with it, come back to "
      "any conversation at once, and see what the model and its memory are doing.", """
what is starglass
what does starglass do
what is this program
what does this program do
what kind of program is this
explain starglass to me
describe this program in a few words
starglass
about starglass
about this program
what am i looking at
what did i just open
what did i just install
i just installed this program, what is it
i just opened starglass, what is it
what is this app
what does this app do
describe the app
what can i do with starglass
what can i do with this app
what is the purpose of this program
what is the purpose of starglass
purpose of the app
what is starglass good for
what is this app good for
give me a short introduction to starglass
a short introduction to this program
i am new, what is starglass
i am new here, what does the app do
i have no idea what this program is
a friend told me about starglass, what is it
what is this window
what does this whole window do
why would i use starglass
why would i use this app
""")

_fact("who_for", "users",
      "Starglass is made for three kinds of people:\n- developers with a strong workstation\n- lawyers, doctors and analysts "
      "who may not send documents out\n- people who study the engine", """
who is starglass for
who is this made for
who uses starglass
who should use this program
is starglass made for people like me
who are the users
what kind of people use this
what kind of users is it made for
which people was this made for
target users
intended users
target audience
who is the audience
who is the intended audience of starglass
i am a lawyer, is this for me
i am a doctor, is it made for people like me
i am a developer, is starglass for me
is it for a developer or for a lawyer
can a doctor or a lawyer use it
is this made for doctors
does a developer use this
is it only for developers
is it meant for beginners or for developers
who is it meant for
who was it meant for
what sort of person uses starglass
what sort of person is this meant for
for whom was this made
which profession is it meant for
what professions use it
who would want to use this
is an analyst one of the intended users
i am an analyst, should i use it
for which people is it meant
""")

_fact("first_run", "first run",
      "On the **first run** there is no wizard and no account. The built-in model answers at once, and four cards suggest what to "
      "do next. Just type a message and press Send.", """
what happens on the first run
what happens the first time i start it
first run
first start
first steps
how do i get started
how do i begin
where do i begin
where do i start
what should i do first
what do i do first
is there a setup wizard
do i need a wizard to set it up
do i have to set up anything first
do i need an account
must i create an account to begin
do i need to log in
do i have to sign up or log in first
is there a sign up
is any setup needed before i can type
what setup is needed to get started
what must i set up before the first chat
can i just begin typing
can i just start typing right away
i just started it, what now
i have just started, what do i do now
what now
what do i do now
getting started
how to get started
the first time, what will i see
what will i see on the first start
what comes first after i start the program for the first time
is there an account or a login
""")

_fact("builtin_model", "built-in model",
      "The **built-in model** is a tiny model with the same architecture as the real one, packed inside the program. It answers at "
      "once and shows how the tools work, not the quality of the real weights.", """
what is the built-in model
what is the built in model for
why is there a built-in model
built-in model
builtin model
explain the built-in model
tell me about the built in model
what model is inside the program
which model is packed inside
which model am i talking to
what model am i talking to right now
who is answering me
who is answering right now
what is answering my messages
are you the real model
am i talking to the real model
are you the real deepseek
am i talking to deepseek right now
which model are you
what model are you
what are you
are you the tiny model
why is there a tiny model inside
what is the tiny model for
the tiny model that comes packed with the program
what is the model that comes with the program
does the program come with a model
does a model come packed inside
is there a model included
which model is included
what is the included model good for
what does the included tiny model show
are you the real model or the tiny one
""")

_fact("builtin_limits", "limits of this model",
      "I am tiny, so I know little. I can explain Starglass, do small sums, spell, count and reverse words, and make small talk. For "
      "anything else, open the real weights.", """
what are your limits
what can you do
what can't you do
what can you not do
what are you able to do
what are you not able to do
list your abilities
what abilities do you have
your limits
your abilities
your skills
what skills do you have
list what you can do
how smart are you
how clever are you
are you smart
you are not very smart
you are not very clever
why are you so dumb
why are your answers so bad
why do you give bad answers
your answers are bad
your answers are wrong and dumb
why do you know so little
how much do you know
what do you know
what things do you know about
why don't you know anything
you don't know much
what can i ask you
what questions can i ask you
what sort of questions can you answer
which questions are you able to answer
what are the limits of the built-in model
how limited is the built-in model
what is the tiny model not able to do
""")

_fact("four_cards", "four cards",
      "The **four cards** on the first screen are:\n- try a prompt\n- explore the inspector\n- choose the real model\n- connect an agent", """
what are the four cards
what do the cards do
what are the cards on the first screen
the four cards
cards
explain the four cards
why are there four cards on the screen
why do i see cards
i see four boxes at the start
what are the four boxes
what are the boxes on the start screen
what are those boxes for
which cards are there
name the four cards
name the cards on the start screen
list the cards
list the four boxes
what do the four boxes on the first screen mean
what happens when i click a card
what if i click one of the cards
should i click a card or a box
which card should i click
do i have to click one of the four boxes
the start screen has four boxes
the start screen shows cards
what is on the start screen
what is on the welcome screen
what does the welcome screen offer
welcome screen
welcome cards
what do the welcome cards offer
what suggestions are on the first screen
the suggestions on the welcome screen
where are the suggestion cards
how do the suggestion cards work
""")

_fact("open_model", "open model",
      "Choose **File > Open model** and pick a GGUF file of DeepSeek V4 Flash. Loading shows its stages, and you can keep using the window meanwhile.", """
how do i open a model
how do i open the real model
how do i open a real gguf
how can i load the real weights
how do i load a gguf
load a gguf file
open a gguf file
open model
open another model
load another model
open real weights
where is the menu to open a model
which menu loads the weights
which menu item opens a gguf
i have a gguf, how do i use it
i have a gguf file on my disk, now what
i have the weights, how do i load them
i have downloaded the weights, what next
i downloaded a model, how do i open it
use my own gguf
use my own model file
can i use another model file
can i switch to another model
how do i switch from the built-in model to the real one
switch to the real model
replace the tiny model with the real one
replace the built-in model with my own weights
how to change the model
change to another gguf
how do i pick a different model file
pick a gguf file
where do i pick the model file
i want the real model instead
i want to use the real deepseek weights
how do i get the real deepseek running
load the real deepseek
""")

_fact("cli_info", "cli info",
      "Use `starglass-cli info FILE`. It reads the header of a GGUF and prints its metadata and tensors, without running the model:\n"
      "```\nstarglass-cli info model.gguf\n```", """
how do i look inside a gguf file
what does starglass-cli info do
what is the info command
info command
starglass-cli info
cli info
explain the info command
which command shows the metadata of a model file
which command prints metadata
show me the metadata of a gguf
print the metadata of a file
how do i print the tensors of a file
list the tensors in a gguf
list all tensors and metadata
which command lists the tensors
where can i see the list of tensors
i want to inspect a gguf file from the terminal
inspect a model file
inspect a gguf without running it
how do i inspect the header of a file
read the header of a gguf
print the header of a model file
what is written in the header of my gguf
i want to see the header and the metadata
how do i check a gguf file before running it
check what a model file contains
what does my gguf file contain
see what a gguf contains
look into a model file from the terminal
get details about a gguf file
show details of a model file
details of a gguf on the terminal
info on a gguf file
see the metadata inside a model file
""")

_fact("cli_chat", "cli chat",
      "Yes, use the terminal chat. No desktop is needed:\n```\nstarglass-cli chat --builtin\n```\nWith real weights, name the model file instead of `--builtin`.", """
can i chat in the terminal
how do i chat in the terminal
how do i chat without a window
can i use it without a desktop
does it work without a display
i have no display, can i still chat
i have no screen on this machine
can i use starglass over ssh
how do i chat over ssh
ssh
terminal chat
chat from the terminal
chat from the command line
is there a command line chat
is there a command line version
command line chat
starglass-cli chat
what does starglass-cli chat do
what is the chat command
chat command
which command starts a chat
which command starts a conversation in the terminal
start a conversation in the shell
can i talk to the model in a shell
talk to the model from a shell
talk to the model without a window
talk over ssh with no desktop
no desktop here, only a shell
no window, only a terminal
run a chat on a headless server
headless chat
does it run headless
can i use it headless on a machine without a screen
a text version without windows
is there a text mode in the terminal
text mode
""")

_fact("cli_run", "cli run",
      "Use `starglass-cli run` for one prompt. It streams the answer and then ends:\n```\nstarglass-cli run --builtin -p \"hello\"\n```\nAdd `--show-thinking` to see the reasoning too.", """
how do i run one prompt from a script
how do i run a single prompt
run a single prompt
one prompt and then exit
how do i send one prompt and exit
starglass-cli run
cli run
what does starglass-cli run do
what is the run command
run command
explain the run command
which command runs a single prompt
which command answers one prompt and exits
how can a script ask the model something
ask the model from a script
use the model in a shell script
use it in a bash script
call the model from a bash script
call it from a script with one prompt
pipe the answer into a file
can i pipe the answer to another program
how do i pipe output in a script
one shot prompt
one shot answer from a script
is there a one shot mode
what does the option -p do
what is -p
pass the prompt with -p
how do i pass a prompt as an option
what does --show-thinking do
the option --show-thinking
how does a script show the thinking with an option
i want a single answer, not a whole conversation, in a script
i need a single answer in a bash pipe
""")

_fact("cli_tokenize", "cli tokenize",
      "Use `starglass-cli tokenize`. It turns text into token numbers with the model's own tokenizer, so you can see exactly how a text is cut.", """
how do i see how text is cut into tokens
how is my text cut into tokens
which command shows the tokens of a text
which command cuts text into tokens
starglass-cli tokenize
cli tokenize
tokenize
tokenize command
what does the tokenize command do
what does starglass-cli tokenize do
explain the tokenize command
tokenize a text
tokenize a sentence
tokenize a text file
how do i tokenize a string
turn a sentence into token numbers
how do i turn a string into token ids
i want the token ids of a sentence
give me the token ids of a string
print token ids
print the token numbers of a text
get token numbers for a string
convert text to tokens
convert a string into token ids
how can i convert a sentence to token numbers
split a text into tokens
split a sentence into pieces like the model does
how does the tokenizer split my sentence
test the tokenizer
how do i test the tokenizer on a text
run the tokenizer by hand
can i run only the tokenizer
use the tokenizer from the terminal
command to cut a text into tokens
""")

_fact("cli_render", "cli render",
      "Use `starglass-cli render`. It takes messages as JSON and prints the exact prompt text that the model would read, with all special marks.", """
how do i see the exact prompt text
which command prints the exact prompt
what does starglass-cli render do
starglass-cli render
cli render
render
render command
what is the render command
explain the render command
render messages to a prompt
render json messages
how do i render a conversation
turn json messages into prompt text
turn messages into the exact prompt
convert json messages to a prompt
convert messages to prompt text
i have messages as json and want the prompt text
i have json messages, how do i see the prompt
what does the raw prompt look like
show the raw prompt
show me the raw text that goes into the model
see the raw text of the prompt
where can i see the raw prompt text
what exact text does the model get
what exact text goes into the model
which special marks go into the prompt
see the prompt with its special marks
print the prompt with special marks
test the chat template
apply the chat template
how do i apply the chat template to json
run the chat template on messages
chat template
the template that makes the prompt
""")

_fact("cli_logits", "cli logits",
      "Use `starglass-cli logits`. It runs a list of token numbers and writes the raw scores to a file:\n```\nstarglass-cli logits -m FILE --tokens 1,2,3 --out scores.bin\n```", """
how do i get the logits
how do i write the logits to a file
starglass-cli logits
cli logits
logits command
what does the logits command do
what does starglass-cli logits do
explain the logits command
dump the logits
dump logits to a file
dump the raw scores
which command dumps the raw scores
which command writes logits
which command gives the raw output scores
get the raw scores of the model
save the raw scores to a file
save logits
save logits for a list of tokens
logits for a list of tokens
compute logits for some tokens
compute the scores for a list of token numbers
i want the raw output scores for these tokens
i want logits as numbers in a file
write raw output numbers to a file
raw logits
raw scores
output scores
compare the logits with another engine
compare raw scores with another engine
compare the output scores of two engines
how do i check the logits against another engine
export the logits
export raw logits to a file
export the scores of every position
scores of every position in a file
""")

_fact("cli_trace", "cli trace",
      "Use `starglass-cli trace`. It takes the same input as `logits` and writes the values in the middle of the network as named arrays, for comparing with a reference.", """
how do i get the values inside the network
how do i see intermediate values
dump the intermediate values
dump intermediates
starglass-cli trace
cli trace
trace
trace command
what does the trace command do
what does starglass-cli trace do
explain the trace command
trace a model
trace the network
write a trace
write intermediate values to named arrays
named arrays
which command writes named arrays
which command writes the values of the middle layers
get the values of every layer
get the arrays of every layer
save the values of each layer
save intermediate arrays
i want the numbers in the middle of the network
i want the values inside each layer
i want to debug the network layer by layer
debug layer by layer
debug the values inside a layer
compare intermediate values with a reference
compare each layer with a reference
compare layer by layer with the reference
how can i find the layer where two engines differ
in which layer do two engines differ
find where my engine and the reference differ
record what happens inside the network
record the intermediates of a run
""")

_fact("weights_source", "where weights come from",
      "The weights are the GGUF files of DeepSeek V4 Flash, published by others on the web. The model page can download them, continue a broken download, and verify the checksum.", """
where do i get the weights
where do the weights come from
where can i get the real model
where can i find the weights
where can i download the weights
how do i download the weights
how do i download the model
download the model
download the weights
download real model
weights download
who publishes the weights
who publishes the model
who made the weights
where are the weights published
are the weights published for free
can i get the model for free
is the model free to download
from where does the gguf come
from where can i download a gguf
where do i find a gguf
which site has the gguf
from which site do i get the model
a site for the weights
i don't have any weights, where do i get them
i do not have the model yet
i have no weights yet
i have no gguf yet, where can i find one
does starglass download the model
can starglass download the weights for me
will it fetch the model for me
fetch the weights
my download broke, can it continue
can a broken download continue
does the download check a checksum
checksum of the download
""")

_fact("weights_size", "size of the weights",
      "The real weights are big: DeepSeek V4 Flash in its small q2 mix is about **81 GiB** on disk. If that is more than your memory, the experts are read from the SSD as needed.", """
how big are the weights
how big is the real model
how big is the gguf
how big is the download
how large are the weights
how large is the file
how large is the real model
size of the weights
size of the model
size of the gguf
what is the size of the real model
what is the file size
file size
model size
how many gigabytes is the model
how many gigabytes are the weights
how many gb is the download
how many gb do i need
how many gigabytes of disk do i need
how much disk space do i need
how much disk space does the model take
how much space do the weights take
how much space is needed for the real model
how much room do the weights need on the disk
how much room does the download take
do i have enough space for the model
is my disk large enough for the weights
will the real model fit on my disk
will the weights fit on my drive
does the gguf fit on a small drive
disk space for the weights
is it a big download
is the file large
how heavy is the real model
""")

_fact("shortcuts", "shortcuts",
      "Every action is in a menu with its shortcut. The main ones:\n- `Esc` stops\n- `Ctrl+K` opens the palette\n- `F6` changes pane\n- `Ctrl` with `+`, `-`, `0` zooms", """
what are the keyboard shortcuts
which keyboard shortcuts are there
list the shortcuts
list all keyboard shortcuts
show me the shortcuts
keyboard shortcuts
shortcuts
hotkeys
list of hotkeys
which hotkeys exist
what hotkeys are there
which keys can i use
what keys should i know
which keys do what
list of keys
is there a list of keyboard keys
can i use it with the keyboard only
can i do everything with the keyboard
how do i use it without a mouse
i don't want to use the mouse
does it work without a mouse
i prefer the keyboard to the mouse
where can i find the shortcuts
where do i find the hotkeys
where are the keys listed
what is in the menus
which menus are there
are all actions in the menus
every action in a menu
does every action have a shortcut
is there a shortcut for every action
do the menus list the keys
main keyboard keys
the most useful shortcuts
useful hotkeys to know
""")

_fact("stop", "stop",
      "Press **Esc** or the Stop button. The answer stops between two layers, and the text written so far is kept.", """
how do i stop the answer
how do i stop it
how do i stop generation
stop generation
stop
stop the answer
stop the reply
stop writing
make it stop
how do i make it stop writing
can i stop it while it writes
can i stop a long answer
it writes too long, how do i stop it
it won't stop writing
it does not stop
the answer is too long, can i interrupt
how do i interrupt the answer
interrupt the model
interrupt generation
interrupt a reply
which key stops the answer
which key interrupts the model
what key ends the generation
what does esc do
what does the escape key do
esc
escape key
press esc to do what
what happens when i press escape
end the answer early
end a reply early
can i end generation early
halt the model
halt the answer
how do i halt generation
is there a stop button
where is the stop button
what does the stop button do
abort the answer
abort generation
how do i abort a reply
""")

_fact("palette", "command palette",
      "Press `Ctrl+K` to open the **command palette**. Type a few letters of any action, pick it from the list and press Enter.", """
what is the command palette
how do i open the command palette
command palette
palette
open the palette
what does the palette do
where is the palette
what does ctrl+k do
what does ctrl k open
ctrl+k
press ctrl+k
what is ctrl+k for
what happens when i press ctrl k
which key opens the palette
which key opens the list of commands
is there a list of all commands
list of commands
how do i find a command
how do i find a command by name
find a command by typing
find an action by name
find an action by typing its name
search for an action by name
search the menus by typing
search the commands
can i search for a command
can i run an action by typing its name
run a command by name
run an action without the menus
i can't find an action in the menus
i can't find a command
quick way to find any command
quick way to run any action
type to find an action
""")

_fact("f6", "f6",
      "`F6` moves the keyboard focus to the next pane: sessions, transcript, composer, inspector. `Shift+F6` goes back.", """
what does f6 do
what is f6 for
f6
f6 key
shift f6
what does shift+f6 do
press f6
what happens when i press f6
how do i move between panes
move between panes
move to the next pane
move to another pane
how do i go to the next pane
how do i go to another pane with the keyboard
which key moves to the next pane
which key switches panes
which key cycles panes
switch panes
switch to another pane
how do i switch between panes
cycle panes
cycle through the panes
can i cycle through the parts of the window
move the focus
move the keyboard focus
how do i move the focus to the inspector
focus another pane
change the focus
change pane
change to another part of the window
jump from the composer to the inspector with the keyboard
jump to another part of the window
jump between panes
go from one part of the window to another by keyboard
keyboard focus
""")

_fact("zoom", "zoom",
      "Use `Ctrl` and `+` to zoom in, `Ctrl` and `-` to zoom out, and `Ctrl` and `0` to go back. Text, code and charts all scale alike.", """
how do i zoom
how do i zoom in
how do i zoom out
zoom
zoom in
zoom level
reset the zoom
how do i reset the zoom
go back to normal zoom
go back to normal text size
normal size
make the text bigger
make the text larger
make text smaller
make the letters bigger
make everything bigger
make everything smaller
the text is too small
the letters are too small for me
the text is too big
the font is too small
font size
change the font size
how do i change the font
how do i change the text size
text size
bigger font
larger font
larger letters please
i can't read the small text
i can't read the small letters
my eyes are bad, can i have bigger text
are the charts larger when i zoom
does zoom make the charts bigger
what does ctrl plus do
what does ctrl minus do
ctrl plus and ctrl minus
ctrl 0
what does ctrl 0 do
""")

_fact("alt_arrows", "moving by message",
      "Press `Alt+Up` or `Alt+Down` to jump to the message before or after. It is the quick way through a long chat.", """
how do i jump to the next message
how do i jump to the previous message
jump to the message before
jump from message to message
jump between messages
move by message
move from message to message
move to the next message
move to the previous message
go to the next message
go to the previous message
go up one message
go down one message
next message
previous message
which key goes to the next message
which key goes to the message before
what does alt up do
what does alt down do
what do alt up and alt down do
alt up
alt down
jump back one message
alt and arrow keys
what do the alt arrow keys do
arrow keys with alt
use the arrow keys to go from message to message
step through messages
step from one message to the next
step through a long chat with the keyboard
quick way through a long chat
how do i move through a long chat
how do i get through a long chat quickly
jump up in a long chat
walk through messages with the arrow keys
""")

_fact("transcript", "transcript",
      "The **transcript** is the middle of the window. It shows the messages of the chat in order: your text, the thinking and the answer, with Markdown, tables and code drawn.", """
what is the transcript
what does the transcript show
transcript
explain the transcript
describe the transcript
what is in the transcript
what is the part in the middle
what is in the middle of the window
what does the middle of the window show
the middle part of the window
the big area in the middle
what is the big area in the center
the center of the window
what is shown in the center
where do i see the messages
where are the messages shown
where is my conversation shown
where does the conversation appear
where do the messages appear
in which area do messages appear
the area with the messages
does the transcript draw tables
are tables drawn
are tables and markdown drawn in the messages
does it draw markdown
is markdown shown in the conversation
markdown
can it show tables
where is the text of the conversation
the area with the conversation text
what is drawn in the big area
can i select text across messages in the transcript
select text in the transcript
""")

_fact("scroll", "scrolling",
      "The transcript follows the end only while you are at the end. Scroll up to read, and it stays where you are. Scroll to the bottom and it follows again.", """
does it scroll by itself
how does scrolling work
scrolling
auto scroll
scroll
does the transcript scroll on its own
why did it stop scrolling
why does it not scroll down
it does not follow the new text
it stopped following the answer
follow the end
how do i follow the new text again
how do i make it follow the answer
does it follow the end while it writes
can i read higher up while it writes
can i scroll up while it is writing
i want to scroll up while the answer streams
will it jump when i scroll up
will the text jump while i read
does the page jump while i read higher up
it jumps while i read
keep my place while i read
keep the page where i am
stay at my place when new text comes
how do i go to the bottom
go to the bottom
scroll to the bottom
jump back to the bottom
take me to the end of the page
back to the end of the page
the scroll bar
is the scroll bar exact
scroll position
lose my place when new text comes
""")

_fact("thinking_pane", "thinking pane",
      "The **thinking pane** is the upper, calmer part of a message. There the model reasons before it answers. You can read it live, and it folds when the answer starts.", """
what is the thinking pane
thinking pane
explain the thinking pane
what does the thinking pane show
what is the grey text above the answer
what is the text above the answer
why is there text above the answer
why are there two parts in a message
the upper part of a message
what is the upper part of the message
what is in the upper pane
the grey part of the message
why is one part grey
why is the upper text calmer
where do i see the reasoning
where can i read the reasoning
where is the reasoning shown
where does the model reason
how do i read the reasoning of the model
can i read what it thinks
can i see what the model thinks before it answers
read the thoughts of the model
read its thoughts live
show me the thoughts
where are the thoughts shown
where are its thoughts
see the reasoning live
watch the model think
watch it reason live
can i watch the reasoning before the answer comes
where does it think
the pane with the reasoning
the pane with the thoughts
""")

_fact("answer_pane", "answer pane",
      "The **answer pane** is the lower part of a message. It holds the final reply, streamed as it is written, with lists, tables and code drawn as Markdown.", """
what is the answer pane
answer pane
explain the answer pane
what does the answer pane show
what is the lower part of a message
the lower part of the message
what is in the lower pane
the lower pane
what is below the thinking
what comes below the thinking
the part below the thinking
where do i see the final answer
where is the final answer
where is the final reply
where does the final reply appear
where does the reply appear
in which pane is the reply
in which pane does the final answer come
where do i read the final answer
where can i read the final reply
which part of the message is the real answer
which part is the final text
which part is the final reply
the final text of the model
where is the final text
final answer
final reply
the pane with the final reply
the pane with the final answer
does the reply come below the thoughts
is the reply below or above the thoughts
where does the answer come after thinking
what comes after the thinking
""")

_fact("fold", "thought line",
      "The line **Thought 12 s, 640 tokens** is the folded thinking: how long the model thought and how many tokens it used. Click it to unfold and read.", """
what is the thought line
thought line
what does thought 12 s 640 tokens mean
what does thought 12 s mean
what does the line thought with seconds mean
what does thought and seconds and tokens mean
it says thought and some seconds
i see a line that says thought
i see thought 3 s above the answer
a line says thought 5 s 200 tokens
the line that starts with thought
why did the thinking fold
why does the thinking fold itself
why does the thinking close by itself
the thinking closed by itself
the thinking disappeared
where did the thinking go
where did the thoughts go when the answer started
the reasoning disappeared when the answer started
why does the reasoning disappear
how do i unfold the thinking
how do i unfold the thoughts
unfold
unfold the reasoning
fold the thinking
how do i fold the reasoning
fold and unfold
can i keep it unfolded
can i open the folded thinking
open the folded line
what is the folded line above the answer
the little triangle next to thought
what happens when i click the thought line
click the folded line
how do i expand the thinking again
expand the thoughts
expand the folded reasoning
how long did it think
how long did the model think
how many seconds did it think
""")

_fact("side_by_side", "side by side",
      "Yes. The **side by side** action in the View menu puts the thinking on one side and the answer on the other. The same action brings them back one above the other.", """
can i see thinking and answer side by side
side by side
side by side layout
how do i put thinking next to the answer
put the thinking next to the answer
thinking next to the answer
can the thinking be next to the answer
can i have the two panes next to each other
put the two panes next to each other
the two panes beside each other
place the panes beside each other
thinking beside the answer
show the reasoning beside the answer
show the reasoning at the side
reasoning on the left and answer on the right
thinking left, answer right
left and right instead of above and below
i want left and right panes
i want two columns
two columns
show two columns
can a message have two columns
split the message in two columns
split the view
split thinking and answer left and right
change the layout of the panes
change the layout
how do i change the message layout
which layouts are there
another layout for thinking and answer
is there another layout
thinking in its own column
put the thoughts in a column
i have a wide screen, can i use two columns
layout for a wide screen
wide screen
""")

_fact("composer", "composer",
      "The **composer** is the box at the bottom where you type. It counts tokens live, shows the context the message would use, and takes dropped text files.", """
what is the composer
composer
explain the composer
what does the composer do
where do i type
where can i type
where do i type my message
where do i write my message
where do i write my question
where can i write a question
where do i enter text
where do i enter my message
the box at the bottom
what is the box at the bottom
what is the text box at the bottom
the text box
which box do i type in
the input box
what does the input box show
the input field
where is the input field
the field at the bottom of the window
what is the field at the bottom
how do i send a message
how do i send my question
send a message
send button
where is the send button
what is the send button
what does send do
a number changes while i type, what does it count
what is the count next to the input box
does it count tokens while i type
count of tokens while i type a message
the number next to the text box
""")

_fact("queue", "queueing",
      "Yes, you can keep typing while a model loads or an answer streams. A message sent then is **queued** and goes out as soon as the model is free.", """
can i type while it answers
can i type while the model is busy
can i send a message while it is busy
what happens if i send while it is busy
what happens when i send during an answer
send another message during an answer
send a second message before the first is done
can i send a second question before the first is done
ask a second question while it still answers
ask the next question while it is busy
what does queued mean
queued
queue
message queue
my message says queued
why is my message queued
why does my message wait
my message is waiting
what is my message waiting for
why is my message not sent yet
my message was not sent yet
can messages wait in a queue
is there a queue for messages
how does the queue work
put a message in the queue
can i write while the model loads
can i type while the model is still loading
send while the model is loading
do i have to wait until the answer is done
do i have to wait before i send again
must i wait for the model before i type
must i wait until it is free
the model is busy, can i send anyway
is my message lost if the model is busy
""")

_fact("attach", "attached files",
      "Drop a text file onto the composer, or use the attach button. Its text goes into your message, and the token count shows how much it adds.", """
how do i attach a file
attach a file
attach
attached files
can i attach a document
attach a document
attach a text file to my message
attachment
are attachments possible
how do attachments work
can i drop a file
drop a file
drop a text file onto the window
what happens when i drop a file here
drag a file
drag and drop
drag a document into the chat
can i drag a document here
does drag and drop work
how do i add a file to my message
add a document to the chat
add a text file
upload a file
can i upload a document
how do i upload a text file
give the model a file to read
give the model a document
can it read my document
can it read a text file
i have a text file, can the model read it
i have a long document, how do i give it to the model
let it read a file from my disk
where is the attach button
which files can i attach
what kind of files can i drop
what kind of attachments does it take
paperclip to add a file
""")

_fact("think_switch", "think switch",
      "The **Think** switch next to the composer has three places:\n- **off**: answer at once\n- **on**: reason first\n- **max**: reason as long as needed", """
what is the think switch
think switch
think mode
think modes
what do the think modes mean
what do off on and max mean
off on max
what does max mean
what is think max
what does think max do
what does think off do
turn thinking off
turn off thinking
how do i turn thinking off
switch thinking off
switch off thinking
how do i switch thinking on
turn thinking on
disable thinking
can i disable thinking
how do i disable the reasoning
disable reasoning
no thinking please, only the answer
answer without thinking
can it answer without thinking
skip the thinking
skip the reasoning
can i skip the reasoning
make it think longer
make it think more
how do i make it think harder
think harder
can it think longer
think less
reason more
the switch with off on and max
three positions next to send
which think mode should i use
when should i use max
when should thinking be off
thinking modes
""")

_fact("regenerate", "regenerate",
      "**Regenerate** asks for the same answer again. The old answer is kept as a branch, so you can compare the two and go back.", """
what is regenerate
what does regenerate do
regenerate
regenerate the answer
how do i regenerate
how do i get another answer
get another answer
give me another answer to the same question
can i get a different answer
i want a different answer
a different answer to the same question
another try
let it try again
try again
how do i make it try again
try the same question again
answer again
make it answer again
ask the same question again
how do i ask for the same answer again
can it answer the same question twice
redo the answer
redo
how do i redo a reply
redo the last reply
i don't like the answer
i don't like this reply, can it try again
the reply was not good, get another one
the answer was not good, redo it
new answer for the same question
a second answer
can i have a second answer
roll again
repeat the answer in a different way
retry
retry button
how do i retry
""")

_fact("edit", "edit",
      "Choose **Edit** on one of your messages, change the text and send it again. The old text and its answers stay as another branch.", """
how do i edit a message
can i edit a message
edit a message
edit
edit my message
edit my question
can i edit my question after sending
what does edit do
what happens when i edit a message
change a message i sent
can i change a message after i sent it
change my question
how do i change my question
change the text of an old message
can i change an old message
i made a typo
i made a typo in my question
fix a typo
how do i fix a typo in my message
fix my message
how do i fix a mistake in my question
i made a mistake in my message
correct a mistake
correct my message
can i correct a message after sending
correct what i wrote
rewrite my message
how can i rewrite my question
rewrite an old message
i want to rewrite what i sent
i wrote something wrong
i wrote the wrong thing, can i correct it
change what i wrote earlier
edit what i sent
""")

_fact("branches", "branches",
      "A **branch** is one version of the chat from a message on. The arrows around **2/3** show version 2 of 3; click them to move between versions. Nothing is lost.", """
what is a branch
what are branches
branch
branches
explain branches
how do branches work
how do i switch branches
switch to another branch
go to another branch
go back to the old branch
what does 2/3 mean
what does 1/2 mean
what is the 2/3 under the message
what are the arrows around 2/3
what do the little arrows with 2/3 do
arrows and numbers under a message
the arrows under a message
what are the small arrows next to the message
what do the small arrows do
how do i see the old version
where is the old version of my message
where did the old version go
where is my first version
get the old version back
go back to the first version
is the old answer lost after an edit
are old versions kept
are the old versions lost
how many versions of a message are kept
versions of a message
versions
see other versions of the answer
move between versions
compare two versions
which version am i looking at
""")

_fact("fork", "fork",
      "**Fork** copies the chat up to a message into a new session. You can go another way there, and the first session stays as it was. The price is shown first.", """
what is fork
what does fork do
fork
fork a chat
fork a session
fork a conversation
how do i fork
how do i fork a session
explain fork
what happens when i fork
where is fork
can i fork from an old message
fork from a message
start a new session from an old message
start a new chat from this message
can i start a new session from here
a new session from the middle of a chat
copy a chat into a new session
copy a session
how do i copy a whole session
make a copy of the chat
make a copy of the session up to here
duplicate a chat
duplicate a session
how do i duplicate a conversation
can i duplicate this session
clone a session
clone the chat
continue an old chat in another way without changing it
go another way from an old message
go another way in a new session
try another way but keep the first chat as it is
keep the first session and go another way
split off a new session
split off from this message
take the chat up to here into a new session
""")

_fact("copy", "copy",
      "Select text and press `Ctrl+C`, or choose **Copy** on a message. A closed code block has its own copy button in its corner.", """
how do i copy an answer
how do i copy text
copy
copy text
copy the answer
copy a message
copy a reply
copy an answer to the clipboard
copy text to the clipboard
put the answer on the clipboard
put a message on the clipboard
clipboard
how do i get text to the clipboard
copy code
copy a code block
how do i copy code
how do i copy a code block
can i copy only the code
get the code out of the answer
get the text out of the window
get the answer into another program
paste the answer into another program
paste the code in my editor
take the code to my editor
take the text to my editor
how do i take text out of here
is there a copy button
where is the copy button
what is the button in the corner of a code block
the button in the corner of the code
does ctrl c work
what does ctrl+c do
ctrl c
can i copy with ctrl+c
select text and copy it
""")

_fact("delete_message", "delete message",
      "Choose **Delete** on a message to remove it. An Undo line appears and `Ctrl+Z` works too, so a slip costs nothing.", """
how do i delete a message
delete a message
delete one message
can i delete a single message
can i delete only one message
remove a message
remove one message from the chat
how do i remove a single message
remove my last message
remove an answer
delete an answer
delete the last answer
erase a message
erase one answer
can i erase the last answer
can i erase my last message
i deleted a message by mistake
i deleted an answer by mistake
i removed a message by mistake, how do i get it back
get a deleted message back
bring back a deleted message
bring back a message i removed
restore a deleted message
restore a message
undo
undo a delete
how do i undo
can i undo a deleted message
is there an undo for a deleted answer
does ctrl z work
what does ctrl+z do
ctrl z
take a message out of the chat
take one answer out
""")

_fact("new_chat", "new chat",
      "Press `Ctrl+N` or choose **New chat**. It opens an empty session; the old one stays in the sessions list.", """
how do i start a new chat
how do i begin a new chat
start a new chat
new chat
new session
start a new session
new conversation
start a new conversation
begin a new conversation
open a new chat
open a fresh chat
open an empty chat
fresh chat
fresh start
i want a fresh start
start fresh
start over
how do i start over
can i start over with an empty chat
begin again from zero
start again from zero
start from zero
empty conversation
i want an empty conversation
clear the chat
how do i clear the chat
clear the conversation and start over
can i clear everything and begin again
change the subject with a fresh conversation
talk about another subject
i want to talk about another subject
a new subject
what does ctrl n do
ctrl n
which key starts a new conversation
where is the new chat button
make it forget this conversation and begin a new one
what does the ctrl n key do
""")

_fact("message_line", "message line",
      "The small line under an answer gives its figures:\n- tokens per second\n- number of tokens\n- time to the first token\n- why it stopped", """
what is the small line under an answer
what is the line under each answer
the line under the answer
line below the answer
what do the figures under an answer mean
what do the numbers under a reply mean
what are the numbers under the reply
numbers under the answer
figures under a message
figures below the reply
what are the small figures below each reply
explain the small line below a reply
the small print under the answer
small print
where are the figures of a reply
figures of the last answer
where do i see the time to first token
what is stop reason
stop reason
where is the stop reason shown
why did the answer stop
why did it stop writing
what does the stop reason say
how do i see why an answer stopped
how many tokens did the answer have
how many tokens was that reply
how fast was that answer
how fast was the last reply
where do i see how fast an answer was
where do i see how many tokens an answer had
details of one answer
details under each reply
what does the line below a reply say
line of figures under each answer
""")

_fact("sessions_list", "sessions list",
      "The **sessions list** on the left holds all your chats with title, last line, tokens and a resume badge. Click one to open it; its text shows even with no model loaded.", """
what is the sessions list
sessions list
list of sessions
list of chats
what is the list on the left
what is on the left side
the left side of the window
what does the left pane show
the list on the left
where are my old chats
where are my old conversations
where do i find my old chats
where do i find old sessions
where is my history
where can i see my history
chat history
history
show my history
show all my chats
show my earlier conversations
go back to an old conversation
return to an earlier chat
how do i return to an earlier session
open an old chat
open an earlier session
open an earlier conversation
can i read old chats without a model
can i read my history with no model loaded
are my chats listed
are all conversations listed on the left
where are yesterday's chats
find the chat from yesterday
i want the conversation from yesterday
where do i find an earlier chat
the list of all my earlier sessions
""")

_fact("badge_memory", "full badge",
      "A **full circle** next to a session means that its state is in memory. The chat can go on at once, with nothing to read or compute.", """
what does the full circle mean
what is the full circle
full circle
full badge
full dot
what does the full dot mean
the full dot next to a session
a full circle next to a session
a full circle beside my chat
what does the filled circle mean
filled circle
filled dot
what is the filled dot
the filled dot beside a chat
the filled circle beside a session
a session has a filled circle
my chat has a filled dot
the dot is completely full
the circle is completely filled
the circle is full, is that good
is a full dot good
what does the solid circle mean
solid dot
solid circle
a solid dot beside the title
the solid dot beside a session
badge in memory
what does the badge for in memory look like
which badge means in memory
which badge means the chat can go on at once
how do i see that a chat is in memory
is this chat still in memory
which chats are in memory
which chats can go on at once
can i see which chats are in memory
""")

_fact("badge_disk", "half badge",
      "A **half circle** means that the state of the session is kept on disk. The time beside it is the measured time it takes to resume.", """
what does the half circle mean
what is the half circle
half circle
half dot
half badge
what does the half dot mean
half full circle
the half full circle next to a session
what does the half full dot beside a chat mean
a circle that is half full
the circle is half full
the dot is only half full
the dot is half filled
half filled circle
a half filled dot beside my session
what is the time beside the half circle
what is 0.9 s next to a session
what does 0.9s next to a chat mean
a chat shows 0.9 s
the seconds next to a half dot
a time in seconds next to the half circle
badge on disk
what does the badge for on disk look like
which badge means on disk
which badge means that it is kept on disk
how do i see that a chat is kept on disk
is the state of this chat on disk
which chats are kept on disk
which chats have their state on disk
half black half white circle
half black half white dot
a dot that is half black
a symbol that is half black
measured time to resume
what is the measured time to resume next to a chat
""")

_fact("badge_prefill", "empty badge",
      "An **empty circle** means that the session needs prefill: nothing is stored, so the model must read the whole text again. The time beside it is a prediction.", """
what does the empty circle mean
what is the empty circle
empty circle
empty badge
empty dot
what does the empty dot mean
the empty dot next to a session
an empty circle beside a chat
my chat has an empty circle
the circle is empty
the circle is empty, is that bad
is an empty dot bad
the dot is white inside
what does the white circle mean
white circle
white dot beside a session
a white circle next to my chat
hollow circle
what does the hollow circle mean
the hollow dot next to a chat
a hollow dot beside a session
badge needs prefill
what does needs prefill mean
needs prefill
a session says needs prefill
why does this chat need prefill
why does my session need prefill
which badge means that it needs prefill
which badge means it must read the text again
why must the model read the whole chat again
why must it read everything again
what is 3 min next to a session
a chat shows 3 min next to an empty circle
predicted time next to a session
the predicted time beside the hollow dot
""")

_fact("price", "priced resume",
      "Resume, fork and edit show their **price** before you click, such as \"Resume 48k tokens: 0.9 s, else 3 min\". The first time is with the stored state, the second without.", """
what is the price of resume
what does the price mean
why is there a price
price
prices
priced resume
why do resume and fork show a time
resume shows two times
what are the two times on the resume button
the button shows two times
the resume button
what does the resume button say
what does resume 48k tokens mean
resume 48k tokens 0.9 s
price of an edit
price of a fork
how much does it cost to resume
does it cost money
do i have to pay for resume
why do i see a price before i click
cost of an edit
what is the cost of resume
cost
does the price mean money
is the price in money or time
the price on edit and fork
a price on the fork button
why does edit have a price
two times before i click
what time does the resume button show
what does else 3 min mean
else 3 min on the button
a button shows a price in seconds
the price shown on resume and edit
what do the two times on a button mean
""")

_fact("search", "search",
      "Type in the search box above the sessions list, or press `Ctrl+F`. It looks through **all text** of all sessions and shows the hits at once.", """
how do i search
how do i search my chats
search
search box
where is the search box
what does the search box do
search my chats
search all sessions
search for a word
search for a word in all chats
can i search old conversations
can i search in all text
how do i look for a word
look for a word in my sessions
look through all sessions
look for something in old chats
find a word
find a word in my conversations
how do i find a word i wrote last week
i wrote about it last week, how do i find it
i remember a word but not the chat
i know i wrote about a budget, how do i find it
find old text
find text in old sessions
how do i find text in all chats
full text search
is there a full text search
text search
does the search look at the text of messages
does it search the text or only titles
does search look through titles only
where can i search
which key opens the search
what does ctrl f do
ctrl f
hits of a search
what does the ctrl f key do
""")

_fact("titles", "titles",
      "A session's **title** is its first words until the model names it. To change it, choose **Rename** or press `F2` on the session.", """
how do i rename a session
how do i rename a chat
rename
rename a session
rename a chat
rename a conversation
can i rename this chat
change the title
how do i change the title of a session
change the name of a chat
change the name of a conversation
where do titles come from
where does the title come from
where does the name of a chat come from
who gives the title
who chooses the title of a chat
who names the sessions
who names my chats
how do sessions get their names
how do chats get a title
title
titles
title of a session
name of a session
give a chat a better name
give this session another name
give my conversation a title
can i give a session my own title
my own name for a chat
the title is wrong
the name of this chat is wrong
the title makes no sense, can i change it
why is the title my first words
why is the chat named after my first words
what does f2 do
f2
what does the f2 key do
""")

_fact("tags", "tags",
      "A **tag** is a word you put on a session, such as `work` or `tax`. Click a tag to see only the sessions that carry it.", """
what is a tag
what are tags
tags
tag
what are tags for
how do tags work
how do i add a tag
add a tag to a session
put a tag on a chat
can i put tags on my chats
tag a chat
tag a session
remove a tag
how do i remove a tag from a session
put a label on a chat
can i label my sessions
label a session
labels
give my chats labels
how do i group my chats
can i group sessions
group chats by subject
sort my chats by subject
how do i sort my chats into groups
put chats into folders
are there folders for chats
folders
can i have folders for my sessions
keep work and private chats apart
keep my work chats apart from the others
order in my many chats
i have too many chats, how do i bring order
how do i bring order into my sessions
how can i organize my sessions
organize chats
organize my conversations by subject
see only my work chats
show only the sessions with one label
""")

_fact("pin", "pin",
      "**Pin** keeps a session at the top of the sessions list, and its stored state is never thrown out to make room.", """
what does pin do
what is pin
pin
pin a session
pin a chat
how do i pin a chat
how do i pin a conversation
why would i pin a session
explain pin
pinned
what is a pinned session
what does pinned mean
unpin a session
how do i unpin a chat
keep a chat at the top
keep a session at the top of the list
how do i keep an important chat at the top
put a chat on top of the list
put my important session on top
move a session to the top
move a chat to the top of the list
stick a chat to the top
stick a session to the top
make a chat stay at the top
can a session stay on top
i want an important chat to stay at the top
mark a chat as important
mark a session as important
mark my favorite chat
favorite chats
can i have favorites
favorites
my favorite conversation should be on top
what does the needle next to a session mean
important chats first
""")

_fact("delete_session", "delete session",
      "Select the session and press `Delete`. It leaves the list, and **Undo** brings it back with all its text if it was a mistake.", """
how do i delete a session
delete a session
delete a chat
delete a whole chat
delete an old conversation
how do i delete a whole conversation
delete all of this chat
can i delete old sessions
can i delete my history
delete my history
how do i erase my history
erase a session
erase a whole chat
remove a session
remove a session from the list
remove a whole conversation
how do i remove old chats from the list
get rid of a chat
get rid of an old session
how do i get rid of old conversations
throw away a session
throw away an old chat
clean up the list of chats
clean up old sessions
how can i clean my history
i deleted a session by mistake
i deleted a whole chat by mistake
i lost a session because i deleted it
get a deleted session back
get a deleted chat back
bring back a deleted session
bring a deleted conversation back
restore a deleted session
undo the delete of a whole chat
can i undo when i removed a session
""")

_fact("export_import", "export and import",
      "Use **File > Export** to save a session as Markdown or JSON. **File > Import** reads one back, so you can move chats between machines.", """
how do i export a chat
export a chat
export a session
export
export to markdown
export as json
can i export my conversations
how do i save a chat to a file
save a chat to a file
save a session as a file
save my conversation as a markdown file
can i save a conversation as json
save as markdown
store a chat in a file
how do i import a chat
import
import a session
import a json file
can i import an exported chat
what does import do
move my chats to another machine
move a session to another computer
how do i move my chats to a new computer
take my sessions to another machine
i have a new computer, how do i take my chats along
back up my chats
how do i back up my sessions
backup
make a backup of a conversation
share a chat with a friend
how do i share a conversation
share a session as a file
send a chat to a friend as a file
which file formats can i export
file formats for a conversation
print a chat or save it as a file
""")

_fact("status_bar", "status bar",
      "The **status bar** at the bottom shows, in a fixed order: model, prefill, tokens per second, context used, experts hit, KV, RAM and server. Click an item to open its panel.", """
what is the status bar
status bar
what does the status bar show
explain the status bar
what is the line at the bottom of the window
the line at the very bottom
what is at the very bottom of the window
what do the items at the bottom mean
items at the bottom of the window
what are the numbers at the bottom
what do the numbers at the bottom mean
explain the numbers at the bottom of the window
the figures at the very bottom
the figures in the status bar
the bottom line with many figures
the bar at the bottom
what is the bar at the bottom of the window for
can i click the status bar
what happens when i click an item in the status bar
click an item at the bottom
status items
which items are in the status bar
what order do the status items have
where do i see how much ram is used
where do i see what ram the program uses
what is ram in the status bar
what is written at the bottom of the window
explain the items at the bottom
what is the row of figures at the bottom
row of items at the bottom
the figures at the bottom
what does each item in the status bar mean
""")

_fact("inspector", "inspector",
      "The **inspector** is the dock on the right with four tabs:\n- Token\n- Experts\n- Cache\n- Performance\n\nSelect a token anywhere and every tab follows it.", """
what is the inspector
inspector
what does the inspector show
explain the inspector
what is the inspector for
how do i open the inspector
open the inspector
show the inspector
hide the inspector
how do i hide the inspector
close the inspector
where is the inspector
what is the dock on the right
the dock on the right
what is on the right side of the window
the right side of the window
what is the panel on the right
the panel on the right
what do i see on the right
close the panel on the right
how do i hide the right side
i closed the panel on the right, how do i get it back
get the dock back
get the inspector back
which tabs are there
which tabs are on the right
what tabs does the inspector have
what are the four tabs
four tabs
list the tabs
list the tabs of the dock
the dock with the tabs
how do i see inside the model
see inside the model while it works
look inside the model while it works
can i look inside the model
""")

_fact("token_tab", "token tab",
      "The **Token** tab is about one token: what was picked, how likely it was, which others were possible, the entropy, the logit lens, and what was read for it.", """
what is the token tab
token tab
what does the token tab show
explain the token tab
what is in the token tab
the first tab of the inspector
what is the first tab
what does the first tab show
what happens when i click a word of the answer
what happens if i click a token
click a word in the answer
click a token
select a token
how do i select a token
select one word of the answer
can i look at one token
look at a single token
look at a single word
how do i look at one word more closely
details of one token
details of a single token
details about one word in the answer
i want to know all about one word
everything about one token
see everything about one single word
what can i learn about a single token
information on one token
information about one word
how likely was this token
how likely was this word
was this word likely
probability of a word
where do i see the probability of a token
the probability of the word that was picked
how sure was the model about one word
what does it say about the picked token
""")

_fact("experts_tab", "experts tab",
      "The **Experts** tab shows which experts are used: a heat map of layers against experts, where each expert is kept, the hit rate, and how long the model waited for misses.", """
what is the experts tab
experts tab
what does the experts tab show
explain the experts tab
what is in the experts tab
the second tab of the inspector
what is the second tab
what does the second tab show
where do i see the experts
where can i see which experts are used
which experts are used right now
see which experts are at work
which experts are at work
how do i see which experts work on my answer
watch the experts work
watch the experts
show me the experts
where are the experts shown
where is the hit rate shown
where do i see the hit rate
which tab has the hit rate
which tab shows the experts
where do i see misses
where do i see how long it waited for misses
how long did the model wait for experts
the wait for missing experts
why did this token wait, where do i look
where can i see why a token was slow
see where each expert is kept
where is each expert kept
which tab tells me where experts are kept
tab with the experts
the tab about experts
open the experts tab
""")

_fact("cache_tab", "cache tab",
      "The **Cache** tab draws every checkpoint as a tree of shared beginnings, with size, hits, age and time saved. You can pin or delete each one and see which goes next.", """
what is the cache tab
cache tab
what does the cache tab show
explain the cache tab
what is in the cache tab
the third tab of the inspector
what is the third tab
what does the third tab show
what is the tree in the cache tab
the cache tree
tree
what is the tree for
what does the tree show
explain the tree of checkpoints
why are the checkpoints drawn as a tree
what do the branches of the checkpoint tree mean
a tree with sizes and hits
where do i see my checkpoints
where can i see all checkpoints
list the checkpoints
show me the checkpoints
list all stored checkpoints
which checkpoints are stored
how do i delete a checkpoint
delete a checkpoint
remove a checkpoint from the cache
how do i pin a checkpoint
pin a checkpoint in the tree
which checkpoint will be thrown out next
what will be thrown out next
which checkpoint goes next
what goes next from the cache
how much time did a checkpoint save
how much time has the cache saved
age and size of a checkpoint
how old is a checkpoint
the size of each checkpoint
shared beginnings of chats in a tree
""")

_fact("performance_tab", "performance tab",
      "The **Performance** tab shows where time goes: time per phase of a token, bytes read from disk, memory by part, and the speed over the context.", """
what is the performance tab
performance tab
what does the performance tab show
explain the performance tab
what is in the performance tab
performance
the fourth tab of the inspector
the last tab of the inspector
what is the fourth tab
what does the last tab show
where does the time go
where do i see where the time goes
which tab shows where time goes
how is the time of a token spent
what is the time spent on
where is the time spent
time per phase
what is time per phase
what are the phases of a token
how long does each phase take
which phase takes the most time
what takes the most time
find out why it is slow
it is slow, where can i look
why is it slow, which tab tells me
which tab tells me why it is slow
find what makes it slow
where do i see the bytes read from disk
how many bytes were read from disk
bytes read per token
memory by part
what uses the memory
which part uses the most memory
how do i see the memory of each part
where do i see what uses the memory
""")

_fact("heat_map", "heat map",
      "The **heat map** has one cell for each expert of each layer and shows how often it was chosen, for the last token or the whole answer. Click a cell to mark its tokens.", """
what is the heat map
heat map
heatmap
what does the heat map show
explain the heat map
how do i read the heat map
what is the grid of cells
what is the grid in the inspector
grid of small squares
what are all those small squares
what do the small squares mean
what does one square mean
what does a square in the grid mean
the picture with many small squares
the grid with many cells
what is one cell of the grid
what does a cell mean
what is a cell in the heat map
click a cell
what happens when i click a cell
what happens when i click a square
what happens if i select a square in the map
routing map
routing heat map
what is the map of layers and experts
map of experts and layers
layers against experts
how often was an expert chosen
where do i see how often an expert is chosen
the map for the last token
heat map of the whole answer
last token or whole answer in the map
can i see the map for the whole answer
switch the map from last token to whole answer
""")

_fact("heat_colours", "heat colours",
      "The **colour** of a cell means how much an expert was used: the colour of the background means not at all, a stronger colour means more. The scale is logarithmic; missing data is drawn apart.", """
what do the colours mean
what do the colors mean
what do the colors of the heat map mean
colours of the heat map
colors
colours
explain the colours
explain the colors of the cells
what does a dark cell mean
what does a dark color mean
what does a bright cell mean
what does a bright colour mean
why is one cell darker than the others
why are some cells darker
why are some squares brighter
why is this square so dark
some squares are dark and some are bright
what does a strong colour mean
what does a pale colour mean
a pale cell
a dark square
why are most cells pale
why is a cell empty or pale
which scale do the colours use
the colour scale
is the color scale linear
is the colour scale linear or logarithmic
color legend
where is the legend of the colours
legend
what does the legend next to the map say
does a darker colour mean more use
does brighter mean more
is a dark color good or bad
meaning of the shades
what do the darker and brighter shades mean
different shades in the cells
""")

_fact("alternatives", "alternatives",
      "The **alternatives** are the other tokens the model could have picked at this place, each with its probability. Select a token and look in the Token tab.", """
what are the alternatives
alternatives
token alternatives
what are token alternatives
explain the alternatives
where do i see the alternatives
show the alternatives of a word
what else could it have said
what else could the model have said here
what else could it have written
what other words could it have picked
which other words were possible
which other words were possible here
other possible words
other possible tokens
which other tokens were possible
what were the other choices
other choices for this word
what other choices did the model have
which choices did it have at this place
the list of other tokens
what is the list of words with percents
a list of words with percents
words with a percent next to them
why are there other words with percents
could it have picked another word
could it have chosen a different word
did the model think of another word
which word came second
what was the second choice
the second most likely word
second choice of the model
candidates for a token
which candidates were there
list of candidates
how do i see the candidates for a word
""")

_fact("entropy", "entropy",
      "**Entropy** says how unsure the model was about a token. Near zero means that one token was clear; a high value means that many were about as likely.", """
what is entropy
entropy
what does entropy mean
explain entropy
what is the entropy of a token
entropy of a token
what does the entropy in the token tab say
what does high entropy mean
high entropy
what does low entropy mean
low entropy
is high entropy bad
is low entropy good
why is the entropy high here
why is the entropy so low
what does an entropy of zero mean
entropy near zero
entropy in bits
how unsure is the model
how unsure was the model about a word
where do i see how unsure it was
was the model unsure
a measure of how unsure it is
measure of doubt
how do i see doubt of the model
did the model doubt
was there doubt about this word
how much doubt was there
can i see when it is guessing
is the model guessing
how do i know if it is just guessing
was it guessing here
which number tells me if it is guessing
the number that says how unsure it was
""")

_fact("logit_lens", "logit lens",
      "The **logit lens** shows what the model would say if it stopped after each layer. You see a guess change from layer to layer until the final token.", """
what is the logit lens
logit lens
lens
what does the logit lens show
explain the logit lens
how do i read the logit lens
what is the lens for
what does the lens show
where is the lens
where do i find the logit lens
how do i use the lens
the lens in the token tab
what would the model say after each layer
what would it say if it stopped at a layer
what would it say in an early layer
if the model stopped early, what would it say
guess after each layer
the guess of each layer
what does each layer guess
how does the guess change from layer to layer
see the guess change through the layers
see the guess grow through the layers
watch the guess change
watch a word form through the layers
how does a word form in the layers
when does the model decide on a word
in which layer does the model decide
at which layer is the word decided
which layer decides the token
what is the table with a word for each layer
a table with one word for each layer
one word for each layer
why is there a word for every layer
early layers say something else
why do early layers show a wrong word
""")

_fact("reading", "what is it reading",
      "**What is it reading** marks the past blocks of the chat that the indexer chose to read for the selected token. The marks are drawn over the conversation itself.", """
what is what is it reading
what is it reading
what does what is it reading show
explain what is it reading
what is it reading right now
which text is the model reading
which part of the chat is it reading
what part of the chat does it read
which parts of the text does it read for this token
what did it read for this word
what did the model read for this token
where did it look for this word
where did the model look for this answer
where does the model look back
what does it look back at
looking back in the chat
which old text does the model look back at
which past blocks were read
past blocks
which blocks did the indexer read
which blocks did the indexer choose
blocks marked in the chat
why are some blocks of the chat marked
why is some old text marked
what are the marks over the conversation
marks over my text
the marks over the old text
what does the marked text mean
old text is marked when i select a token
from where did it get this word
from which part of the document did it get this
which part of my document did it use
did it read my whole document
can i see which part of my document it used
""")

_fact("speed_chart", "speed chart",
      "The **speed chart** is a line of tokens per second. One line is for prefill, one for generation, so you see the speed while it runs and as the context grows.", """
what is the speed chart
speed chart
what does the speed chart show
explain the speed chart
what is the line chart
what does the line chart show
line chart
the chart with a line
what is the moving line in the chart
the moving line
what is the tokens per second chart
chart of tokens per second
tok/s chart
tokens/s chart
the chart of tok/s
how do i see the speed
where do i see the speed
where can i see how fast it is
how fast is it right now
where do i see tokens per second
see the speed over time
chart of the speed over time
a line that goes up and down
why does the line go up and down
why does the line in the chart go down
the line in the speed chart falls
why does the speed fall
what do the two lines in the chart mean
two lines in the speed chart
why are there two lines
is there a chart of the speed
is there a graph of the speed
speed graph
graph with a line
""")

_fact("disk_chart", "disk use chart",
      "The **disk use chart** in the Cache tab shows how much disk each session's stored state takes. Text shared by several sessions is counted once.", """
what is the disk use chart
disk use chart
what does the disk use chart show
explain the disk use chart
disk use
disk use by session
chart of disk use
where do i see the disk use
which session uses the most disk
which chat uses the most disk
which session takes the most space
which chats take the most space on the disk
how much disk does each session take
how much disk does a chat take
how much disk does one session use
how much space does a session take
how much space do my chats take
how much space do my sessions use on the disk
how much of my disk is used by my chats
how big is a stored session
how big is my stored chat
how large is a chat on the disk
what takes so much space on my disk
my disk fills up, which session is it
my drive is filling up, which chat is it
which chat fills my drive
the bars in the cache tab
what do the bars by session mean
bars for each session
a bar for each session
a chart with a bar for each chat
is shared text counted twice
is shared text counted once
does a fork count twice on the disk
""")

_fact("budget", "budget slider",
      "The **budget slider** sets how much disk the stored states may use. When it is full, the least useful ones go first; pinned ones and those of your sessions stay.", """
what is the budget slider
budget slider
budget
slider
what does the slider do
what does the budget slider do
explain the budget slider
what is the slider in the cache tab
the slider in the cache tab
what does the budget mean
how do i set the budget
set the budget
set a larger budget
how do i change the budget
move the slider
what happens when i move the slider
what happens if i move the slider to the left
what happens when the budget is full
the budget is full
how do i limit the cache
limit the cache
limit the size of the cache
set a limit for the disk cache
can i set a limit
can i limit how much disk the cache uses
make the cache smaller
make the cache larger
how do i make the cache smaller
give the cache more disk
give the cache less disk
allow the cache more disk
how much disk may the cache use
maximum size of the cache
set the maximum size of the cache
which stored states are thrown away first
what budget should i choose
where is the budget slider
""")

_fact("model_page", "model page",
      "The **model page** shows where the weights are, what fits your memory, an estimate of the speed to expect, and the download. Loading can be watched and cancelled there.", """
what is the model page
model page
what does the model page show
explain the model page
where is the model page
open the model page
what can i do on the model page
page of the model
the page about the model
which page is about the weights
which page shows where the weights are
where do i see where the weights are
will it fit my memory
does the model fit in my memory
does the real model fit my machine
will the real model fit in my ram
will my machine run the real model
can my computer run the real model
is my computer strong enough
is my machine strong enough for the model
is my laptop strong enough
do i have enough memory for the real model
do i have enough ram
is my ram enough
how fast will it be on my machine
how fast will the real model be
what speed can i expect
which speed can i expect on my computer
estimate of the speed
an estimate before i load
how do i know what speed to expect
can i see an estimate for my machine
what fits
what fits my machine
""")

_fact("load_stages", "load stages",
      "While a model loads, the window names each **stage** and counts its bytes: open the file, check the tensors, place the weights, make ready. You can use everything else meanwhile.", """
what are the load stages
load stages
stages
what do the stages mean
explain the stages of loading
what happens while a model loads
what happens when the model is loading
what is it doing while it loads
what is it doing during loading
loading
loading progress
progress of loading
where do i see the loading progress
how do i see how far loading is
how far is the loading
how far is it with the model
is there a progress bar for loading
progress bar
what does the progress bar show
why does loading take so long
why does the model take so long to load
how long does loading take
how long does it take to load the model
the model is still loading
it is still loading, what is it doing
it has been loading for a long time
loading is slow
is the program frozen while it loads
does the window freeze while the model loads
can i use the window during loading
can i read my chats during loading
the bytes counted during loading
check the tensors, place the weights
place the weights
what does checking the tensors mean
""")

_fact("cancel_load", "cancel loading",
      "Click **Cancel** beside the progress. The load stops at once, its memory is given back, and the model you had before stays in use.", """
how do i cancel loading
can i cancel loading
cancel loading
cancel
cancel the load
cancel button
where is the cancel button
what does cancel do
can i cancel a load
can i stop loading a model
stop loading
how do i stop loading the model
stop the load
break off loading
break off the load
can i break off a load
i picked the wrong file and it is loading
i opened the wrong model
i opened the wrong file, how do i cancel
i loaded the wrong file
i chose the wrong model file
wrong model is loading
the wrong file is loading
i don't want to load this model any more
i don't want this model any more, it is still loading
i changed my mind about loading
i changed my mind, don't load it
don't load it
end the loading of a model
what happens after i cancel a load
what happens to the old model when i cancel
is the memory given back when i cancel
do i get the old model back after cancel
""")

_fact("server_page", "server page",
      "The **server page** starts and stops the local server. It shows the address, the API key and the live requests, with the part of each prompt found in the cache.", """
what is the server page
server page
what does the server page show
explain the server page
where is the server page
open the server page
how do i start the server
start the server
how do i stop the server
stop the server
turn on the server
turn off the server
turn the server off
is there a server
does it have a server
local server
what is the local server
is the server on
is the server running
how do i see if the server is running
server
what is the address of the server
server address
where do i find the address of the server
which address and port does the server use
which port
port of the server
where is the api key
api key
where do i find the api key
do i need an api key
where do i see live requests
list of requests
list of live requests
which requests are running
can other programs use my server
""")

_fact("api", "api",
      "The local server speaks the **OpenAI** and **Anthropic** formats. Point your client's base URL at the address on the server page and use the key shown there.", """
which api does it speak
what api does the server have
api
rest api
http api
is there an api
is there an api like openai
openai
openai api
is it openai compatible
does it speak the openai format
does it work with openai clients
openai compatible
anthropic
anthropic api
is it anthropic compatible
does it speak the anthropic format
does it work with anthropic clients
which formats does the server speak
which formats does the api support
what format do requests have
compatible with which clients
which clients are compatible
can i use my openai client
use the openai library in python
can i use it from python
use it from my own program
call it from my own program
call it over http
how do i call the model over http
how do i send a request over http
what is the base url
base url
which base url do i set in my client
set the base url of a client
how do i connect my own program over the api
""")

_fact("agents", "agents",
      "Start the server, then give your coding agent its address and key. The agent works with tools as usual, and its long prompts are found again in the cache.", """
how do i connect an agent
connect an agent
connect a coding agent
connect my coding agent
agents
agent
coding agent
coding agents
can i use it with a coding agent
can i use it with my agent
which agents work with it
which coding agents work with starglass
does it work with agents
how do agents work with starglass
set up an agent
how do i set up my coding assistant
set up a coding assistant
connect my coding assistant
use it as a coding assistant
can it help my editor write code
connect my editor
connect it to my editor
use it in my editor
use it from vs code
does it work with vs code
how do i connect vs code
plug it into my editor
plug an agent in
plug it into vs code
can an agent use tools with it
do tools work for agents
let an agent write code with this model
let a coding agent use this model
give the model to my coding agent
""")

_fact("privacy", "privacy",
      "Nothing leaves your machine. The **privacy page** is a ledger of every connection the program opens; with server and download off it reads **0 connections**.", """
is it private
is this private
is my chat private
privacy
privacy page
what is the privacy page
what does the privacy page show
where is the privacy page
what is the ledger
ledger
what does the ledger show
what does 0 connections mean
0 connections
zero connections
why does it say 0 connections
which connections does it open
does it open any connections
list of connections
where do i see the connections it opens
does my text leave my machine
does anything leave my computer
do my words leave this computer
does my data leave the machine
is my data safe
is my data safe here
are my documents safe
can i use it for secret documents
secret documents
confidential documents
can i use confidential documents
is it safe for confidential data
can somebody else read my chats
can anybody else read what i write
who can read my chats
who can read what i write
does it send my documents to somebody
where does my data go
is my text sent to a cloud
cloud
""")

_fact("offline", "offline",
      "Yes, it works **offline**. Once the weights are on your disk, no internet is needed; the built-in model never needs any.", """
does it work offline
offline
can i use it offline
is it offline
does it run offline
offline use
does it need the internet
do i need the internet
without internet
does it work without internet
can i use it without the internet
i have no internet here
i have no internet, does it still work
is an internet line needed
must i be online
do i have to be online
does it have to be online
do i need to be online to chat
can i chat when i am not online
online or offline
is this an online service
is it an online program
can i use it on a plane
on a plane without internet
can i use it on a train with no network
does it work with no network
no network
without a network
do i need a network
can i unplug the network
i unplug the network, does it go on
does it need wifi
without wifi
can i turn wifi off
will it work if the wifi is off
""")

_fact("telemetry", "telemetry",
      "There is **no telemetry**: no statistics, no crash reports and no update checks are sent. The program counts nothing about you for anybody else.", """
is there telemetry
telemetry
is there any telemetry
does it have telemetry
how do i turn telemetry off
turn off telemetry
does it collect telemetry
does it collect statistics
does it collect data about me
what data do you collect
what do you collect about me
is anything collected about me
do you collect statistics about me
does it send statistics
does it send usage statistics
usage statistics
are usage statistics sent
are crash reports sent
does it send crash reports
crash reports
does it check for updates
does it look for updates by itself
are update checks sent
does it phone home
phone home
does this program phone home
does it track me
tracking
is there tracking
am i being tracked
are you tracking me
do you track what i do
does it spy on me
are you spying on me
is it spying
does the program spy on its users
do you report what i do
does it report anything about its users
does it track its users
do you collect anything
""")

_fact("theme", "theme",
      "Starglass has a **light and a dark theme**. It takes the setting of your desktop and changes at once when you change it there.", """
is there a dark theme
dark theme
light theme
theme
themes
dark mode
is there a dark mode
light mode
how do i get dark mode
how do i turn on dark mode
turn on the dark theme
turn off dark mode
switch to dark mode
switch to the light theme
how do i switch the theme
change the theme
how do i change from light to dark
can i change to dark
make the window dark
make the window light
make it dark
the window is too bright
it is too bright for my eyes at night
too bright at night
dark window at night
i work at night, can it be dark
can the window be dark
why is the window dark
why is everything dark
why is the window white
i want a white window
black window or white window
does it follow the desktop theme
does it take the theme of my desktop
change the look of the window
can i change the look
""")

_fact("accessibility", "accessibility",
      "Every control has a name for a **screen reader**, each message is a row it can read, and a plain-text view exists. All works by keyboard, and colour is never the only sign.", """
is it accessible
accessibility
accessible
how accessible is it
what about accessibility
is there help for blind users
can a blind person use it
i am blind, can i use this
blind
blind users
does it work for blind people
does it work with a screen reader
screen reader
screen readers
which screen reader works
can a screen reader read the messages
does a screen reader read the answers
i use a screen reader
i use orca, does it work
does it work with orca
orca
read the messages aloud
can messages be read aloud
read aloud
is there a plain text view
plain text view
where is the plain text view
show the messages as plain text
i am color blind
color blind
does it work for color blind people
can color blind users read the charts
reduce motion
can i reduce the motion
reduced motion
is there less motion for people who need it
help for people who see badly
""")

_fact("licence", "licence",
      "Starglass is free software. The engine is under the **MIT** licence, the window under **GPL-3.0-or-later**, because it uses Qt Charts.", """
what is the licence
what is the license
licence
license
which licence does it have
which license does starglass have
under which licence is it
under what license is the engine
licence of the engine
license of the window
is the engine mit
mit
gpl
is it gpl
is the window gpl
mit or gpl
why is the window gpl
is it open source
open source
is starglass open source
is the source open
is the source code free
where is the source code
can i see the source code
can i change the source code
may i change the source
is it free software
is it free
is starglass free
is starglass free of charge
does starglass cost anything
do i have to pay for starglass
do i need to buy a licence
may i use it at work
may i use it in my company
can i use it for free in my company
may i sell it
may i use the engine in my own product
can i use the engine code in my product
""")

_fact("dev_run", "dev run",
      "`./dev run` in the source folder does it all: it installs missing Debian packages, builds, and opens the window on the built-in model:\n```\n./dev run\n```", """
how do i build starglass
how do i build it
how do i build it from source
build
build from source
build starglass from the source
compile
compile starglass
how do i compile it
how do i compile from source
compile the program
what does dev run do
dev run
what is dev run
what is the dev script
the dev script
which command builds it
which command builds and opens the window
which command builds the program
one command to build and run
one command to build
how do i install starglass
install
how do i install it on debian
install on debian
install it from source
which debian packages do i need
debian packages
does it install the missing packages
which packages are needed to build
what do i need to build it
what do i need to compile it
i cloned the source, what next
i have cloned the source, how do i run it
where are the built programs
""")

_fact("dev_test", "dev test",
      "`./dev test` builds everything and runs all tests except the slow ones:\n```\n./dev test\n```\nThe last lines say how many passed.", """
how do i run the tests
run the tests
run all tests
run the test suite
test suite
tests
how do i run all the tests
which command runs the tests
what command runs the test suite
what does dev test do
dev test
run ./dev test to check a change
what is dev test
are there tests
are there any tests
does starglass have tests
how is starglass tested
how is the program tested
how do i test the program
how do i test my change
i changed the code, how do i test it
i changed the code, how do i know that nothing broke
i changed the source, did i break something
did my change break something
check that nothing broke
check that my change broke nothing
how do i check my build
check the build
are slow tests run too
what about slow tests
slow tests
how many tests passed
how do i see if all tests passed
did the tests pass
a test failed
what if a test failed
""")

_fact("file_places", "where files are kept",
      "Files follow the XDG rules:\n- `~/.config` for settings\n- `~/.local/share` for sessions\n- `~/.cache` for what can be made again\n- `~/.local/state` for logs", """
where are my files kept
where are files kept
where are the files
where are my sessions kept on disk
where are sessions stored
where are my chats stored
where are chats stored on disk
where does it store my chats
where does starglass store its files
where does starglass keep its files
where does it keep my data
in which folder are my chats
in which folder are the sessions
which folder holds my sessions
which folder has the settings
where is the config file
config file
config folder
where are the settings stored
where is the settings file
settings file
where is the data folder
data folder
data directory
which directory has my data
which directory holds the sessions
in which directory are the settings
xdg
does it follow xdg
xdg folders
where are the logs
where is the log file
log file
which folder has the logs
is there a database file
where is the database
database of my chats
path of the database
path of the config folder
""")

_fact("crash", "after a crash",
      "After a **crash** or power cut, open Starglass again: your chats and the partial answer are there, at most the last second is lost. Press **Continue** to go on.", """
what happens after a crash
after a crash
crash
the program crashed
it crashed
starglass crashed, what now
starglass crashed during an answer
it crashed in the middle of an answer
what if it crashes
what happens if it crashes
will i lose my chat if it crashes
do i lose my text in a crash
is my chat lost after a crash
did i lose my chat
is the answer lost after a crash
what if the power goes out
the power went out
power cut
what happens in a power cut
after a power cut
my computer lost power
my computer died in the middle of an answer
my computer froze and i had to restart
my machine froze during an answer
i had to restart the computer in the middle of an answer
i closed the window in the middle of an answer
what if i close the window during an answer
recover my chat
how do i recover after a crash
recover a lost answer
crash recovery
recovery
can it go on after a crash
what does continue do
the continue button
half an answer is there with a continue button
""")

_fact("disk_full", "disk full",
      "When the **disk is full**, saving pauses and the window says so. Nothing is lost: free some space and saving goes on by itself.", """
what happens when the disk is full
what if the disk is full
disk full
the disk is full
my disk is full
full disk
my drive is full
what if my drive is full
what happens if the drive gets full
the ssd is full
what happens when the ssd is full
what if there is no space left
no space left
no space left on the disk
there is no space left on my drive
no more space
i have no more space on my disk
i ran out of space
what if i run out of space
what happens when i run out of disk space
it ran out of disk space
it says saving is paused
saving is paused
why is saving paused
saving paused
why did saving stop
why can't it save
it can't save my chat
it does not save any more
will i lose text when the disk is full
is anything lost when the drive is full
do i lose my chat if no space is left
how does saving go on
when does saving go on
how do i make saving go on
i have freed some space, what now
""")

_fact("demo_tools", "demo tools",
      "Two small tools show how tool calls work: a **clock** and a **calculator**. The built-in model asks for one, the program runs it, and the model uses the result.", """
what are the demo tools
demo tools
tools
which tools are there
which tools do you have
what tools can you use
what tools can you call
list your tools
can you use tools
can you call a tool
do you have any tools
do you have a clock
do you have a calculator
is there a calculator
is there a clock
what is the clock tool
what is the calculator tool
clock tool
calculator tool
the clock and the calculator
what are the clock and the calculator for
why is there a clock tool
how does the calculator work
how does the clock tool work
how do tool calls work here
show me a tool call
what is a tool call
tool call
an example of a tool call
what happens in a tool call
who runs the calculator
does the program run the tools
why did you call a tool
why did it call the clock
why did the model use the calculator
are the tools real
what are the two small tools
try the clock
try the calculator
name the two demo tools
""")

_fact("update", "after an update",
      "Your **history is kept on an update**. Before the database changes to a new version, a backup is made, so older chats are never lost.", """
what happens to my history on an update
what happens after an update
update
updates
updating
after an update
what happens when i update
what happens to my chats when i update
will an update delete my chats
does an update delete my history
does an update erase my sessions
is my history kept after an update
is my history safe when i update
are my chats kept when i update
are my sessions safe in an update
do i lose my chats with a new version
do i lose my history with a new version
will i lose anything in an update
new version
what happens with a new version
i installed a new version
i installed a new version, where are my old chats now
can a new version read my old chats
does a new version keep my sessions
old chats in a new version
upgrade
is it safe to upgrade
what does an upgrade do to my sessions
i want to upgrade, are my chats safe
should i make a backup before an update
do i need a backup before an upgrade
is there a backup before an update
does it make a backup when i upgrade
can i go back to the old version
is it safe to go back to an older version
""")
