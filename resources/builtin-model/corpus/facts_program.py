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
is this program for me
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
for whom is it
which profession is it meant for
what professions use it
who would want to use this
is an analyst one of the intended users
i am an analyst, should i use it
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
is this the real model
are you the real model
am i talking to the real model
are you the real deepseek
are you deepseek v4 flash
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
how do i see what is inside a model file
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
turn text into token numbers
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
what does ctrl k do
ctrl+k
ctrl k
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
alt+up
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
the transcript
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
does it stay where i am
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
what does 2 / 3 mean
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
delete message
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
what does time to first token mean
time to first token
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
how long was the wait for the first token
the wait before the first token
details of one answer
details under each reply
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
how do i go back to an old chat
go back to an old conversation
return to an earlier chat
how do i return to an earlier session
open an old chat
open an earlier session
open an earlier conversation
can i continue an old conversation
continue an earlier chat
can i read old chats without a model
can i read my history with no model loaded
are my chats listed
are all conversations listed on the left
where are yesterday's chats
find the chat from yesterday
i want the conversation from yesterday
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
      "A **half circle** means that the state of the session is kept on disk. The time beside it is the measured time to resume, often a second or less.", """
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
resume with a time on it
what does resume do
resume
how much does it cost to resume
does it cost money
do i have to pay for resume
what does it cost to fork
cost of an edit
what is the cost of resume
cost
does the price mean money
is the price in money or time
the price on edit and fork
a price on the fork button
why does edit have a price
how long will resume take
how long will it take to resume a chat
what time does the resume button show
what does else 3 min mean
else 3 min on the button
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
""")

