# SPDX-License-Identifier: MIT
"""More wordings of the facts, for training only: they never enter the held-out split.

MORE = {fact id: [phrase, ...]}
"""
_TEXT = """
starglass: tell me what starglass is about|what is starglass for|what sort of app is this|is starglass a chat program|introduce starglass|what does the name starglass stand for here|what is this software|so what is this thing starglass
who_for: which people use starglass|is this for developers|is it for doctors and lawyers|who needs this program|for whom was it written|what kind of person would use it|i study engines, is it for me
first_run: what happens the first time i open it|do i need an account|is there a wizard|i opened it for the first time|do i have to register or sign up|first start|what do i do on the first screen first
builtin_model: what is the model inside the program|which model answers me without a download|what is the small model in here|the tiny model that comes with it|is a model already included|what is the builtin model|the model packed in the program
builtin_limits: what can this small model not do|why do you know so little|why can you not answer that|how clever is the tiny model|how limited are you|what are the limits of the built-in model|you are very small, what do you know
four_cards: what are the cards on the first screen|which cards are shown at the start|what do the suggestion cards do|explain the four cards|what are the four boxes|cards on the start screen
open_model: how do i load my model file|open a gguf|how do i choose the real model|how do i load the weights|where do i open a model file|i have a gguf file, how do i use it|switch to another model|load deepseek v4 flash
cli_info: print the metadata of a gguf|how do i look into a model file from the terminal|which command shows the tensors of a file|list the tensors|show the header of the file|inspect a gguf in the shell|what does starglass-cli info print
cli_chat: chat in the terminal|can i chat without a desktop|how do i talk to it in a shell|no display, can i still chat|which command starts a chat|use it over ssh|chat from the command line
cli_run: run one prompt from the command line|how do i ask one question in the terminal|one prompt in a script|which command answers a single prompt|print one answer and exit|use it in a shell script|what does cli run do
cli_tokenize: show me the tokens of a text in the terminal|command to see token numbers|which command gives token ids|turn text into token numbers|tokenize a text with the cli|see how my text is cut, by command
cli_render: print the prompt the model would read|which command renders messages|turn json messages into a prompt|see the exact prompt text|command to render a chat|show the prompt with all special marks
cli_logits: write the scores to a file|which command gives raw scores|dump logits|get the logits of a token list|save scores for some token numbers|command for logits
cli_trace: write the middle values of the network|compare activations with another program|dump intermediate arrays|which command saves values of each layer|get the hidden values as arrays|command for a trace
weights_source: where do i get the model|where can i download deepseek|download the weights|how do i get the real weights|who publishes the weights|continue a broken download|is the model on the web|where does the model come from
weights_size: how big is the model file|how many gigabytes is the download|how large are the weights|size of the model on disk|how much disk do the weights need|is the download big|how heavy is the real model
shortcuts: list the keyboard shortcuts|which keys can i use|what are the hotkeys|key bindings|show me all keys|what keyboard commands are there|is there a list of keys
stop: how do i stop the answer|it writes too much, make it stop|interrupt the reply|cancel the answer|halt the output|it will not end, how do i stop it|button to stop the model
palette: how do i find any action by name|what is ctrl+k|type the name of an action|run a command by typing|search the actions|open the list of all actions|command search
f6: how do i move between panes|jump to the next pane with a key|move the focus|go to the sessions by keyboard|switch pane|key to change the pane
zoom: make the text bigger|the text is too small|larger letters|how do i enlarge the font|smaller text please|reset the zoom|increase the font size
alt_arrows: jump to the previous message|go to the next message by key|move from message to message|skip to the message above|keys to step through a chat|fast way through a long chat
transcript: what is the middle of the window|where are the messages shown|where do i see the conversation|the big part in the middle|what is the transcript|where does the chat appear
scroll: it keeps jumping to the end while i read|why does it not follow the text|does the view follow the answer|stay where i read|how do i follow the answer again|stop it from scrolling down|the page does not move with the text
thinking_pane: where do i see the reasoning|where are the thoughts shown|what is the upper part of a message|can i read what it thinks|show me the thoughts|the calmer text above the answer
answer_pane: where is the final reply|where does the answer stand|what is the lower part of a message|which part holds the answer|what is the answer pane|where do i read the result
fold: what does thought 12 s mean|open the folded thinking|the thinking is hidden, show it|what is the small line with the thought time|unfold the reasoning|click on the thought line|how long did it think
side_by_side: put thinking and answer next to each other|thinking left, answer right|can i see both panes next to each other|view menu, side by side|show the two panes in columns|split the view of a message
composer: where do i type|what is the box at the bottom|where do i write my message|text field at the bottom|what is the composer|what does the input box show|where do i enter a question
queue: can i type while it loads|can i write during an answer|what happens if i send while it is busy|my message waits|send a message before the model is ready|type ahead|is my message queued
attach: how do i add a file|send a text file to the model|can i drop a file|how do i give it a document|add a document to my message|upload a text|put a file in the chat
think_switch: how do i turn thinking off|turn on reasoning|what do off, on and max mean|switch for thinking|make it think more|where do i set the thinking mode|disable the thoughts|what is max
regenerate: try again|give me another answer|i want a different reply|how do i repeat the answer|ask for a new version of the reply|redo the answer|can it answer once more
edit: can i change my message|i made a typo in my question|fix my last message|correct what i sent|rewrite a message|how do i edit a prompt|change a message and send it again
branches: what is 2/3 with arrows|what are the arrows around the numbers|go back to another version|what is a branch|how do i switch versions|versions of the chat|what do the small arrows do
fork: copy the chat into a new session|start a new session from here|what does fork do|split off from this message|take the chat another way|continue from an old message in a new session|make a copy of this chat
copy: how do i copy the answer|copy the code|take the text out|copy a message|where is the copy button|get text to the clipboard|copy code from a block
delete_message: remove one message|how do i delete a message|i want to erase what i wrote|undo a deleted message|take a message out of the chat|erase an answer
new_chat: start a new chat|begin a fresh conversation|open an empty session|how do i begin again|new session|clear the chat and start fresh|i want an empty chat
message_line: what are the figures under the answer|small line below a reply|numbers under a message|what does the line under the answer say|where do i see how long an answer was|statistics of an answer
sessions_list: what is the list on the left|where are my old chats|how do i open an earlier chat|list of chats|find all my conversations|what is in the left column|where did my chats go
badge_memory: what does the full circle mean|filled circle next to a chat|the dot is full|why is the circle filled|chat with a full badge|session in memory sign
badge_disk: what does the half circle mean|half filled dot|circle that is half full|why is the badge half|the half badge with a time|state on disk sign
badge_prefill: what does the empty circle mean|hollow dot next to a chat|the circle is empty|why must it read the text again|empty badge|nothing stored sign
price: what does the time on resume mean|why does it show two times|how long will resuming take|cost before i click|price of a fork|resume 48k tokens, what does that say|shown cost of continuing
search: find a word in my chats|search all sessions|where can i search|how do i find an old conversation|look for a text in all chats|what does ctrl+f do|search box
titles: change the name of a chat|give a session a title|who names the chats|where does the title come from|how do i rename|the title is wrong|name a chat
tags: group my chats|label a session|what are tags|put a label on a chat|filter by tag|mark chats for work|sort my sessions by theme
pin: keep a chat on top|never throw out this session|what does pin do|how do i pin|hold a session at the top|protect a chat from removal
delete_session: remove a chat|delete a whole session|how do i get rid of a chat|erase this session|i deleted a chat by mistake|bring back a removed session|throw a session away
export_import: save a chat as a file|export to markdown|get my chats out as json|move my chats to another computer|import a chat|how do i back up a conversation as a file|write the chat to a file
status_bar: what is the bar at the bottom|what do the numbers at the bottom edge say|bottom line of the window|what does the status bar show|the strip at the bottom|items of the status bar
inspector: what is the dock on the right|what are the four tabs|what is the panel on the right side|open the inspector|what does the inspector show|the right side of the window|tabs token experts cache performance
token_tab: what does the token tab show|details of one token|where do i see why this word was picked|information about a single token|click on a word, what do i see|tab for one token
experts_tab: what does the experts tab show|where do i see which experts work|tab with the map of experts|see experts of the model|where is the map of layers|show the experts
cache_tab: what does the cache tab show|where do i see the checkpoints|tree of stored states|see what is in the cache|tab for the cache|where can i delete a checkpoint|list of checkpoints
performance_tab: what does the performance tab show|where does the time go|see the timing of a token|where do i see bytes read|tab for speed|time per phase|why is it slow, where can i look
heat_map: what is the heat map|what are the coloured cells|grid of little squares|what is the map of layers and experts|what does a cell of the map say|the picture with many cells
heat_colours: what do the colours mean|why are some cells brighter|dark cells in the map|what does a strong colour mean|scale of the map|meaning of the shades|legend of the heat map
alternatives: what else could it have said|other words it might have picked|show other candidates|which tokens were also possible|see the second choice|other options for this word|candidates for a token
entropy: how sure was the model|what is entropy|how unsure was it|uncertainty of a token|measure of doubt|what does a high entropy mean|was the model certain
logit_lens: what is the logit lens|guess after each layer|see what the model thinks at each layer|what would it say halfway|when does the answer form inside|prediction per layer|lens
reading: what is it reading now|which old parts did it look at|marks over the old text|why are some paragraphs marked|what are the highlighted blocks|see what the model looks back at|show the blocks it reads
speed_chart: what is the line chart|chart of the speed|graph of tokens per second|see the speed over time|curve that goes down|plot of the speed|speed line
disk_chart: how much disk do my sessions take|chart of disk use|which session is the biggest on disk|space used by stored states|bars for disk space|see the disk space per chat
budget: limit the disk space|set how much disk it may use|what is the slider for|slider for disk|make the cache smaller|how do i limit stored states|disk limit
model_page: what is the model page|will it fit my machine|what speed can i expect|page about the model|where do i see the estimate|where is the download|does the model fit my memory
load_stages: what happens while a model loads|what are the loading stages|loading progress|what is it doing while it loads|steps of loading|how far is the loading|the load bar
cancel_load: stop loading the model|i picked the wrong file|cancel the load|abort loading|loading takes too long, stop it|can i interrupt loading
server_page: what is the server page|how do i start the server|turn on the local server|where is the server address|where do i find the api key|stop the server|see live requests
api: can i use it from another program|is there an openai api|how do i connect my client|use it with my own code|base url|which api does it speak|does it speak the anthropic format|connect an app to it
agents: use it with a coding agent|connect an agent|can an agent use the model|set up my coding assistant|does it work with agents|let an agent talk to it
privacy: is my data safe|does it send anything to the internet|who can read my chats|does anything leave my computer|is it private|list of connections|what goes over the network|can i trust it with secret papers
offline: does it work without internet|can i use it on a plane|no network, does it work|is a connection needed|use it offline|must i be online
telemetry: does it collect statistics|does it report crashes|does it phone home|are usage data sent|does it track me|is there tracking
theme: dark mode|switch to a light theme|how do i make it dark|change the colours of the window|is there a night mode|does it follow my desktop theme|bright or dark look
accessibility: does it work with a screen reader|i am blind, can i use it|can i use it without a mouse|is it accessible|help for people who see badly|plain-text view|all by keyboard
licence: which licence does it have|is it free software|may i use it at work|is it open source|is it gpl or mit|what does it cost|under which licence is the code
dev_run: how do i build it|how do i compile starglass|how do i start it from source|build from source|which command builds and opens it|run it from the source folder|install missing packages and build
dev_test: how do i run the tests|run all tests|is there a test command|check that the build works|which command tests it|test suite
file_places: where are my settings|where does it store sessions|which folder holds the data|where are the files|where is the config|location of my chats on disk|what does it write in my home folder
crash: what if it crashes|the power went out, is my chat lost|i lost power in the middle of an answer|is my text safe after a crash|the program died|continue after a crash|what is lost in a crash
disk_full: what if the disk is full|no space left|my drive is full|it says it cannot save|saving is paused|out of disk space|full disk
demo_tools: what are the demo tools|what are the clock and the calculator for|which tools can you call|what tools are there|show me a tool|example tools|can you use tools
update: what happens when i update|are my chats kept with a new version|is there a backup before an update|after an upgrade|new version, old history|will an update delete my chats
v4_flash: what is deepseek v4 flash|tell me about flash|how many parameters has flash|which model is starglass made for|how large is deepseek flash|what is the big model|facts about flash
v4_pro: what is deepseek v4 pro|tell me about pro|how many layers has pro|is there a bigger model|difference of flash and pro|can i run v4 pro|parameters of pro
moe: what is a mixture of experts|what does moe mean|why many small networks|why does a huge model cost little|explain mixture of experts|only part of the model works on each token, why
routed_expert: what is a routed expert|one small network of a layer|what is a single expert|how many experts are there in a layer|what is an expert made of|gate, up and down matrices|what does an expert do
shared_expert: what is the shared expert|which expert always runs|expert for every token|an expert that is never skipped|why does one expert always work|the expert beside the routed ones
router: what is the router|who picks the experts|how are experts chosen|how does it select experts|what decides which expert runs|score for every expert|the part that picks experts
top_k_experts: how many experts run for a token|six of 256|how many experts are active|number of experts used per token|why six experts|how many experts work at once|expert runs per token
hash_layers: what is a hash layer|hash routing|which layers use a table|what is the fixed table of experts|how do the first three layers pick experts|experts known in advance|tid2eid
bias_routing: what is the bias in routing|what keeps the load even|why is a bias added|balance of the experts|how are experts kept evenly busy|bias on the score of an expert|load balance
layers: what is a layer|how many layers does flash have|steps of the model|why 43 layers|depth of the model|what happens in one layer|number of layers
hyper_connections: what are hyper-connections|what is mhc|why four streams|parallel streams|how are the streams mixed|what are residual streams|sinkhorn
sliding_window: what is the sliding window|how many recent tokens are seen exactly|the last 128 tokens|what happens to text beyond the window|raw rows|window of attention
compressed_rows: what are compressed rows|how is old text kept|summaries of older text|how can a long text stay small|pooled rows|what does compressed mean here|how does it remember far text
ratio_4: what is a ratio-4 layer|pools of four tokens|ratio 4|which layers have the indexer|layers with overlap|every 4 tokens one row|what does ratio 4 mean
ratio_128: what is a ratio-128 layer|pool of 128 tokens|ratio 128|coarse view of the text|one row for 128 tokens|what does ratio 128 mean|layers that read all rows
indexer: what is the indexer|how does it choose old rows|who picks the 512 rows|what does the indexer score|best rows for a token|selection of old rows|the part that looks for old text
attention: what is attention|how does a token look back|what does the query do|how does it look at earlier words|explain attention|compare query and rows
attention_sink: what is a sink|what is an attention sink|number that takes part in the softmax|where does useless attention go|head finds nothing, then what|sink per head
rotary: what is rope|what is a rotary embedding|how does it know the position|what is yarn|how are positions marked|rotation by position|order of the words
token: what is a token|what are tokens|is a token a word|how long is a token|pieces of text|how many tokens is a word|what does token mean
tokenizer: what is the tokenizer|how is text cut into pieces|what is bpe|how do words become tokens|byte pairs|what joins letters to tokens|explain the tokenizer
special_tokens: what are special tokens|what marks the start and end|marks for user and assistant|can i type a special token|end of text mark|control tokens
vocabulary: what is the vocabulary|how many tokens does it know|size of the vocabulary|list of known tokens|number of tokens in flash|129280
context_length: what is the context length|how long can a chat be|most tokens in a session|how much text can it read|maximum context|one million tokens|limit of a conversation
context_used: what does context used mean|how full is the session|what is 48k/200k|how many tokens have i used|the context is full|how much room is left|the chat is nearly full
embedding: what is an embedding|how does a token become numbers|vector of a token|what enters the first layer|token to numbers|4096 numbers|embedding table
logits: what are logits|what comes out at the end of a step|scores of all tokens|what is a logit|numbers before the probabilities|output of the model
softmax: what is softmax|how are probabilities made|what does the percent of a token say|what is the probability of a token|from scores to probabilities|how likely is a token|do they add up to one
temperature: what is temperature|make answers more varied|make it less random|what does temperature 0 do|how creative is it|setting for randomness|heat of the sampling|default temperature
top_p: what is top-p|nucleus sampling|what does 0.9 mean in top p|keep tokens until the sum reaches p|explain top p|drop the unlikely tail
top_k_sampling: what is top-k|what does top k do in sampling|keep the k best words|limit the choice to k tokens|explain top-k|only the best few tokens
min_p: what is min-p|drop tokens far below the best|explain min p|what does 0.05 mean|share of the best token|threshold for unlikely tokens
greedy: what is greedy|always take the best token|no randomness please|pick the highest score|greedy decoding|best token every time|turn chance off
seed: what is a seed|repeat the same random answer|fix the random numbers|what does the seed do|same answer twice|number for the random generator
determinism: will i get the same answer twice|is it deterministic|are results repeatable|why are the tokens equal each time|same input, same output|can i reproduce a run
why_think: why does it think first|what is thinking for|why does the model reason|is thinking useful|does thinking make it better|what is the point of reasoning|think before answering
reasoning_dropped: is old thinking sent again|what happens to earlier thoughts|does the model see its old reasoning|are past thoughts kept in the prompt|why is earlier thinking left out|forgotten reasoning
answer_split: how are thinking and answer told apart|where does thinking end|how does it split the text|what is the end of thinking tag|separate thoughts from the reply|tag between thinking and answer
prefill: what is prefill|why is there a wait before the answer|what happens before the first word|reading the prompt|first phase|why does a long prompt take long|it reads my text first
decode: what is decode|how is the answer written|second phase|one token after another|what happens while it writes|generation step|phase of writing
ttft: what is time to first token|how long until it starts to answer|wait from send to the first word|what does ttft mean|delay before the answer|why is the first word late
tokens_per_second: what is tok/s|how fast does it write|what does tokens per second mean|speed of writing|is 10 tokens per second good|how is speed measured|what is a good speed
streaming_output: why do words appear one by one|what does streamed mean|why is the text shown bit by bit|streaming of the answer|does it show text at once|letters come slowly
chunked_prefill: what are chunks in prefill|why is a prompt read in chunks|group tokens by expert|batch of tokens in prefill|what is chunked prefill|prompt processed in pieces
kv_cache: what is the kv cache|memory of a session|what does kv mean|where does the model keep what it read|why does it not compute old tokens again|rows kept for every token|explain kv
packed_rows: what are packed rows|how are kv rows stored|why are the rows small|codes instead of numbers|is anything lost by packing|rounded rows
kv_size: how much memory does a token take|size of the kv cache|memory for 32k tokens|how big is the cache for a million tokens|bytes per token|how much ram does a long chat need
checkpoint: what is a kv checkpoint|saved state of a session|what is a checkpoint|why are states saved on disk|how can a chat come back so quickly|stored state
segments: what is a segment|pieces of a checkpoint|shared pieces on disk|same beginning stored once|what are segments for|run of tokens stored once
frontier: what is the frontier|the changing part of a checkpoint|last raw rows and half-filled groups|small part that changes|what must be saved each time|open end of the state
resume: how does resume work|continue an old chat|is a resumed chat exact|what happens when i open an old session|load the state and go on|pick up where i stopped
fork_cost: what does a fork cost|is a fork cheap|disk space of a fork|does forking copy all data|how much space does a branch take|rows shared by a fork
eviction: what is eviction|which checkpoints are removed first|what goes when the budget is full|why did a checkpoint vanish|rule for throwing out states|what is deleted first
cache_identity: how are checkpoints told apart|what is the hash of a checkpoint|sha-1 of the text|is a checkpoint of another model used|fingerprint of the model|name of a checkpoint
kvc_files: what are kv files|import a cache of ds4|exchange cache files|use kv files of another engine|export the cache as a file|kvc format|move a cache to ds4
quantisation: what is quantisation|why fewer bits|how do weights get smaller|what does quantised mean|does quantising hurt|compress the weights|explain quants
two_bit: what is the q2 file|two bits per weight|what is iq2_xxs|what is q2_k|smallest version of the weights|experts in 2 bits
q4_k: what is the q4 file|four bits per weight|what is q4_k|is q4 better than q2|size of q4|better quality file
q8_0: what is q8_0|eight bits per weight|what is q8|which parts use 8 bits|blocks of 32 with a scale|nearly no loss format
f16: what is f16|half precision|16-bit numbers|which parts are kept in 16 bits|what does f16 mean|two bytes per value
gguf: what is gguf|which file format is used|what is in a gguf|format of the weights|which model files can it read|file type of models|what is the file ending
mmap: what is mmap|why is loading so quick|is the file copied into memory|memory mapping|map the file|pages read from disk
memory_needed: how much ram do i need|is my memory enough|can i run it with 32 gb|how much memory for q2|requirements|what machine do i need|does it run on a laptop
ssd_streaming: what is ssd streaming|run a model bigger than memory|experts read from the drive|can it use the ssd|model does not fit in ram|read weights while running|why is the disk busy
expert_cache: what is the expert cache|experts kept in memory|where are used experts held|tiers of experts|cache for experts|recently used experts
hit_rate: what is the hit rate|what does 93 percent mean|share of experts found in memory|percent of hits|is a high hit rate good|why is the hit rate low|hits
miss_stall: what is a miss|what is a stall|why did a token wait|41 ms, 12 misses|expert was not in memory|time lost by waiting for disk|what do misses cost
memory_budget: limit the memory it uses|what is the memory budget|set a ceiling for ram|it uses too much memory|how do i restrict memory|--memory 12gb|keep ram free
hot_list: what is the hot list|experts i use most|which experts are loaded at start|learned from my use|favourite experts|warm start list
lookahead: what is lookahead|guess the next experts|read experts early|predict experts of the next layer|prefetch|load before they are needed
direct_reads: what is o_direct|what is io_uring|how are experts read from disk|why past the page cache|large reads at once|direct disk reads
reference_backend: what is the reference backend|plain scalar code|the slow exact version|which backend is the truth|backend for checking|simple code for tests
cpu_backend: what is the cpu backend|run it on the processor|without a graphics card|does it run on a cpu|use my processor|no gpu
simd: what is simd|what is avx-512|which vector instructions are used|avx2|does it use my cpu's vector units|what is vnni
threads: how many threads should i use|what does --threads do|use all cores|set the thread count|are more threads better|cores and threads
vulkan: what is vulkan for|how do i use my gpu|run it on the graphics card|vulkan backend|does it need cuda|turn on the gpu
which_gpu: which graphics card works|does my radeon work|can i use a geforce|is intel arc supported|which cards are supported|list my devices|does it support nvidia
hybrid: what is hybrid|split between cpu and gpu|attention on the card, experts on the cpu|what is hybrid placement|use cpu and gpu together|where does each part run
speculative: what is speculative decoding|what is mtp|draft tokens|guess several tokens ahead|how can it write faster with a draft|is the result the same with a draft|draft model
dsml: what is dsml|how does the model call a tool|how do tools work|tagged text for calls|function calling|how does the program run a tool
topic_experts: do experts have topics|is there an expert for code|which expert knows numbers|are experts specialists|why do some experts like one subject|meaning of an expert
split_machines: use two computers|can i split the model over machines|run it on several machines|layers on another computer|combine two pcs|cluster
"""
MORE = {}
for _line in _TEXT.strip().splitlines():
    _id, _phrases = _line.split(":", 1)
    MORE[_id.strip()] = [_p.strip() for _p in _phrases.split("|")]

_TEXT2 = """
starglass: does this run deepseek on my own machine|a window to a large language model|which program is this|what can this window do for me
who_for: should a beginner use it|is it made for offices|can a lawyer use it|intended audience
first_run: i just started, what now|is there anything to set up|first launch|sign in or not
builtin_model: where does the first answer come from without weights|is the little model real|what answers before i load anything|model in the box
builtin_limits: you know so little|why are your answers so short|are you smart enough for hard questions|what is beyond you
four_cards: try a prompt, explore the inspector, what are these|what do i click on the start screen|start suggestions
open_model: use my own model file|pick another file|load a different model|how do i get from the tiny model to the real one
cli_info: see inside a gguf without running it|header and tensors of a file|what is in this model file, by command
cli_chat: talk to the model without a window|text mode chat|chat on a machine without a screen
cli_run: single question without a chat|pipe a prompt into the program|-p option|run a prompt and quit
cli_tokenize: numbers of the tokens for my text|how is this sentence cut, in the terminal
cli_render: see what is really sent to the model|json in, prompt out|chat template by command
cli_logits: raw model output as a file|scores for tokens 1,2,3|export logits for tests
cli_trace: values inside the network|debug the layers with arrays|compare inner numbers|named arrays of activations
weights_source: which site has the weights|my download broke off|get the big model|link to the model
weights_size: 81 gib|how long is the download, how many gb|is there room on my disk for the model
shortcuts: work faster with the keyboard|what does each key do|keys
stop: escape key|end the answer early|i do not want the rest of the answer|abort the reply
palette: i cannot find a menu item|quick way to any action|type to find a command
f6: go from the chat to the inspector by key|focus the composer without a mouse|cycle through the panes
zoom: i can hardly read this|bigger letters|ctrl and plus|scale the window
alt_arrows: alt and arrow|hop between messages|previous answer by keyboard
transcript: main area of the window|where my text and the answers stand|the list of messages
scroll: the text runs away while i read|jumping text|how do i get back to the bottom
thinking_pane: grey text before the answer|where does it show how it reasons|the part that folds away
answer_pane: where is the reply drawn|the lower half of a reply|where do tables and code appear
fold: thought 12 s, 640 tokens|reasoning got hidden|the thinking disappeared, how do i open it
side_by_side: see reasoning beside the reply|two columns in a message|thinking on the left
composer: the text box|where can i see how many tokens my message has|typing area
queue: can i already send the next message|busy model, may i type|message waiting to be sent
attach: i want it to read a file|put my notes into the message|drag a file in
think_switch: think off|think on|the switch next to the text box|should it reason or not
regenerate: i do not like the answer|one more try|again please|a second answer to the same question
edit: change an earlier question|i asked it wrong|my message has a mistake
branches: where is the old answer after a retry|2/3|step through versions|compare versions of an answer
fork: try another direction from here|separate session from this point|branch off into a new chat
copy: put the answer in another program|clipboard|take the code out of the answer
delete_message: hide one answer for good|take back what i sent|remove this line of the chat
new_chat: ctrl+n|forget this and begin anew|fresh start|start from nothing
message_line: figures of the last reply|how fast was this answer|why did it stop there
sessions_list: left side of the window|see my chats|open yesterday's chat|all my talks
badge_memory: what is the filled dot|chat ready at once|circle sign, full
badge_disk: what is the half dot|stored on disk, resume time|circle sign, half
badge_prefill: what is the hollow dot|circle sign, empty|chat without stored state
price: what will it cost me to continue|time shown on the button|two times in the resume button
search: where did i write about this|find text|ctrl+f|look through everything i wrote
titles: f2|another name for this session|rename this chat
tags: put chats into groups|mark with a word|show only work chats
pin: do not throw this away|always keep this session|stick a chat to the top
delete_session: empty out old chats|i do not need this session|del key on a chat
export_import: give a chat to a friend|as markdown or json|read a saved chat back in|transfer chats
status_bar: numbers along the bottom|what is written at the very bottom|bottom row
inspector: right panel|where can i look inside the model|open the side dock
token_tab: everything about one token|first tab of the inspector|what was picked and how likely
experts_tab: second tab of the inspector|usage of experts|where are experts kept, which tab
cache_tab: third tab of the inspector|see stored beginnings|pin or delete checkpoints
performance_tab: last tab of the inspector|time and memory by part|what takes the time
heat_map: squares with colours|which experts were used, as a picture|rows and columns of experts
heat_colours: bright and dark squares|what does a pale cell mean|colour scale
alternatives: second best word|what other words came close|list of possible next tokens
entropy: doubt of the model as a number|many tokens about as likely|how clear was the choice
logit_lens: early guess of the answer inside the layers|guesses by layer|half-way answers
reading: what does it look at|which passages does it use|marked blocks in the chat
speed_chart: how did the speed change|line of tok/s|does it get slower in long chats, as a chart
disk_chart: what eats my disk|disk by session|who uses the most disk
budget: how much disk for states|give it less disk|raise the disk allowance
model_page: can my computer hold it|estimate before download|page with the weights
load_stages: opening, checking, placing|progress of the load|what does the load bar count
cancel_load: stop the load|oops, wrong model|give up loading
server_page: share the model in my network|address and key|switch the server on
api: talk to it over http|which url|openai client|use a library with it
agents: coding agent|let claude code or another agent use it|agent address
privacy: who sees my documents|confidential papers|connections ledger|does my text stay here
offline: without wifi|in a cabin with no net|does it need to be online
telemetry: usage statistics|do you spy|does it count what i do|crash reports
theme: too bright at night|dark|light look|colours follow the desktop
accessibility: for blind people|screen reader|keyboard only|colour blind
licence: can my company use it|mit or gpl|free or paid
dev_run: build and start|compile|from the source code to a window|./dev run
dev_test: tests|does everything pass|./dev test|check my changes
file_places: config folder|where is the data directory|xdg|which paths does it use
crash: program closed by itself|blackout|is the half answer lost|after a power cut
disk_full: no room|cannot save any more|drive has no space
demo_tools: clock and calculator|tool example|two small tools
update: upgrade|newer version|do i lose my history with an update|database backup
v4_flash: 284 billion parameters|flash|the large model|the real model, tell me about it
v4_pro: pro|1.6 trillion|384 experts|bigger sister
moe: moe|many experts in one model|why not use all weights each time|sparse model
routed_expert: expert|256 small networks|a picked expert|gate up down
shared_expert: always used expert|common expert|expert that stays in memory
router: router|routing|choosing experts for a token|scores of experts
top_k_experts: 6 of 256|258 runs per token|idle experts|few experts at a time
hash_layers: first three layers|table from token to expert|fixed routing|no scores in the first layers
bias_routing: bias|even load|why are no experts idle|correction for busy experts
layers: 43|stack of steps|attention then experts|from first to last
hyper_connections: streams|mixing of streams|4 copies of the state|mhc
sliding_window: 128 tokens|near text|recent text exactly|window
compressed_rows: far text|pooling|group of tokens in one row|summary rows
ratio_4: four tokens in a row|fine pooling|overlapping groups
ratio_128: 128 tokens in a row|rough pooling|whole context at a glance
indexer: best 512|chooses rows|scores old rows|index
attention: query|looking at earlier tokens|which words matter now
attention_sink: sink|extra number in softmax|nothing to attend to
rotary: position|angles|rope|yarn
token: tokens|word pieces|units of text
tokenizer: bpe|bytes to tokens|cutting text|joining pairs
special_tokens: bos and eos|markers|user turn mark
vocabulary: all tokens|entries in the token list|how many words does it know
context_length: maximum length|1048576|longest chat|how long may a prompt be
context_used: used tokens|48k of 200k|full context|remaining room
embedding: vector|id to numbers|first step of a token
logits: raw score|before softmax|score per token
softmax: percent of a word|probability|chances of the next token
temperature: varied or steady|creative answers|too random|too dull
top_p: top p 0.9|best tokens up to a sum|nucleus
top_k_sampling: top k 40|k best words|limit the candidates
min_p: min p 0.05|cut far worse tokens|share of the leader
greedy: temperature zero|no dice|always the same best word
seed: random start number|seed 42|same random draw
determinism: repeatable|identical tokens each run|does order of sums matter
why_think: reason first|are answers better with thinking|slow but better
reasoning_dropped: old thoughts|reasoning of earlier turns|why is it not in the prompt any more
answer_split: </think> tag|where the answer begins|split of the stream
prefill: long wait at the start|reading phase|prompt goes in first
decode: writing phase|token by token|why is each word computed again
ttft: first word|late start of the answer|delay after send
tokens_per_second: tok/s|speed|reading speed of a person|how quick is it
streaming_output: live text|words while it works|half characters
chunked_prefill: pieces of the prompt|chunks|many tokens through one layer
kv_cache: kv|memory of read tokens|rows to look back at
packed_rows: rounding|small codes|packed
kv_size: 3.5 kb|cache of a long chat in gb|ram for one million tokens
checkpoint: stored session state|save the state|checkpoint
segments: shared rows on disk|fixed runs of tokens|written once
frontier: unfinished groups|tail of the state|what changes with every token
resume: go on with an old chat|exactly as before|reload a session
fork_cost: price of copying a chat|shared rows|cheap copy
eviction: making room|old states go away|which is thrown out
cache_identity: sha-1|matching a checkpoint|wrong model's checkpoint
kvc_files: ds4|kv import|take my cache with me
quantisation: smaller weights|fewer bits|quant
two_bit: q2|iq2_xxs|2 bit|the 81 gib file
q4_k: q4|4.5 bits|the 153 gib file
q8_0: q8|8 bit|34 bytes
f16: half floats|16 bit|sensitive parts
gguf: file format|version 3|one file with everything
mmap: mapped file|instant load|pages on demand
memory_needed: how much memory|64 gb enough|small laptop|hardware needed
ssd_streaming: larger than ram|nvme|drive reads for each token|stream experts
expert_cache: tiers|experts in ram|keep used experts
hit_rate: 93 %|hits|how often was it in memory
miss_stall: waiting for an expert|stall|misses|12 misses
memory_budget: ram limit|--memory|ceiling|not more than 12 gb
hot_list: often used experts|load my favourites first|learned list
lookahead: early reads|guess ahead|next layer's experts
direct_reads: io_uring|bypass the page cache|several reads at once
reference_backend: scalar|truth|slow but exact|baseline for tests
cpu_backend: processor|cpu only|vector code
simd: avx|vector instructions|which instructions does my cpu need
threads: cores|--threads auto|too many threads
vulkan: gpu|graphics driver|vulkan 1.2|amd or nvidia
which_gpu: my card|radeon|video memory|strix halo
hybrid: partly on the gpu|experts on cpu|mixed placement
speculative: draft|mtp|check several tokens at once|speed trick with guesses
dsml: dsml|ask the program to do something|call format
topic_experts: code expert|experts for topics|specialised experts|do experts mean something
split_machines: two machines|layers over the network|share a model between pcs
"""
for _line in _TEXT2.strip().splitlines():
    _id, _phrases = _line.split(":", 1)
    MORE[_id.strip()] += [_p.strip() for _p in _phrases.split("|")]
