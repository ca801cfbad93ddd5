# SPDX-License-Identifier: MIT
"""Facts about the model and the engine, for the built-in model's corpus.

Plain data, no dependencies. FACTS is a list of dicts:
    id       unique snake_case name
    topic    1-3 plain words, unique, named in the thinking block
    answer   the one fixed answer, 12-40 words, ASCII, Markdown allowed
    phrases  at least 30 hand-written wordings that only this fact answers

Facts about the program's window, files and server are in facts_program.py.
"""

FACTS = []


def _fact(fact_id, topic, answer, phrases):
    FACTS.append({
        "id": fact_id,
        "topic": topic,
        "answer": answer,
        "phrases": [line.strip() for line in phrases.strip().splitlines()],
    })


# ---------------------------------------------------------------- the model

_fact("v4_flash", "v4 flash",
"""**DeepSeek V4 Flash** is the large model Starglass is made for. It has 284 billion parameters, uses about 13 billion for each token, and can read up to one million tokens.""",
"""
what is deepseek v4 flash
describe the flash model
tell me about flash
which model is starglass made for
which large model does this program run
how many parameters does flash have
how big is deepseek v4 flash
flash parameters
284 billion parameters, is that flash
how many billion parameters are active for a token in flash
the real model, what is it
what is the real big model called
which deepseek model do you run
name of the large model behind starglass
v4 flash?
size of the flash model in parameters
explain deepseek v4 flash to a beginner
i heard of deepseek flash, what is it
what model would i run here for real work
the big one behind this, how many parameters
total and active parameters of the large model
how many billion parameters in the real model
give me an overview of deepseek flash
introduce deepseek v4 flash
active parameters
why do people say 13 billion active
what large model can i run with starglass
284b flash
284b parameters and 13b active
13b active parameters in flash
what does 284b a13b mean
is starglass made for deepseek v4 flash
is flash the real deepseek model
""")

_fact("v4_pro", "v4 pro",
"""**DeepSeek V4 Pro** is the bigger sister of Flash: about 1.6 trillion parameters, 61 layers and 384 experts per layer. The same code runs it, but it needs far more memory.""",
"""
what is deepseek v4 pro
describe the pro model
pro versus flash
difference between flash and pro
is pro bigger than flash
can starglass run pro
does the pro model work here
how many parameters does pro have
how many layers does pro have
how many experts are in pro
61 layers and 384 experts, which model is that
384 experts
1.6 trillion parameters, which one is it
v4 pro?
the bigger sister of flash
is there a bigger model than flash
what is the larger deepseek than flash
which deepseek has a trillion parameters
can i run the trillion parameter one
i want the bigger deepseek, can you run it
should i take pro or flash
compare pro and flash
flash or pro, which is larger
does the same code run the pro version
is the pro version supported
pro version size
how large is deepseek pro
tell me about the pro version
how much bigger is pro
i have lots of memory, can i run pro instead of flash
the sister model with 61 layers
what comes above flash
""")

_fact("moe", "mixture of experts",
"""A **mixture of experts** holds many small networks, called experts, in every layer. Only a few of them work on each token, so a huge model costs little work per token.""",
"""
what is a mixture of experts
explain mixture of experts
what does moe mean
moe
what does moe stand for
why is the model a mixture
mixture model, how does it work
how can such a huge model be fast
why does a huge model need so little work
why are only some parts of the network used for each token
does the whole model work on every token
is the whole network used for every token
how does a huge network stay cheap
only a small part works at a time, why
why only a small part of the huge model works
moe versus dense model
dense or moe
is it dense or a mixture
is this a dense network
what is the difference between dense and moe
mixture of many small networks, please explain
many small networks instead of one huge one
why split the network into many small ones
what is the point of moe
benefit of a mixture of experts
what is good about a mixture of experts
moe for beginners
i do not understand the mixture idea
huge model but little work per token, how
why is moe cheap
describe moe
is this a moe model
is deepseek a moe model
""")

_fact("routed_expert", "routed expert",
"""A **routed expert** is one small network of a layer that runs only when the router picks it. Flash has 256 of them in each layer, with matrices named gate, up and down.""",
"""
what is a routed expert
what is an expert
what is a single expert made of
what is inside one expert
describe one expert
explain routed experts
how many routed experts are in a layer
how many experts does flash have per layer
256 experts
number of experts in each layer
why are there 256 in each layer
what are the gate, up and down matrices
gate up down
which matrices does an expert have
what matrices are inside one
what does an expert do
what does one of the 256 do
routed expert?
what is the meaning of routed in routed expert
is an expert a small network
is a single expert a whole model
are experts small models
what do you call the small network inside a layer
one of those 256 small networks, what is it
i keep reading expert, what is one
what exactly is an expert here
define expert
define routed expert
when does a routed expert run
how big is one expert inside
is an expert a person
what is expert number 17
""")

_fact("shared_expert", "shared expert",
"""The **shared expert** runs for every token in every layer, beside the routed ones. It holds what all tokens need, so it always stays in memory and is never picked or missed.""",
"""
what is the shared expert
explain shared experts
how is the shared expert different from the routed ones
shared versus routed
difference between shared and routed experts
does the shared expert always run
which expert always runs
which expert runs for every token
is there an expert that is always used
is one expert always on
shared expert?
why is there a shared expert
what is shared about it
is the shared one ever picked by the router
does the router pick the shared one
is the shared expert kept in memory
where does the shared expert stay
does the shared one always stay in memory
how many shared experts are there
number of shared experts
is one expert shared by all tokens
one that all tokens share
one common expert for all tokens, what is it
common knowledge for every token, who holds it
the always on expert
always used expert, what is its name
can the shared expert be missed
the one that all tokens need, does it have a name
every token runs through one same expert, right
tell me about the expert all tokens share
purpose of the shared expert
what job does the shared one have
""")

_fact("router", "router",
"""The **router** is a small matrix in each layer. It gives every expert a score for the current token; the best ones are picked and their scores become their weights.""",
"""
what is the router
how does the router work
explain routing
what is routing
describe how routing works
who picks the experts
who decides which experts run
how are experts picked
how are experts chosen for a token
what decides the choice of experts
what gives each expert a score
where does the expert score come from
expert scores
router scores, what are they
router score
how does an expert get its weight in the sum
are the chosen experts weighted by score
router?
routing?
is the router a network or a rule
is there one router per layer
does each layer have its own router
what does the router do in each layer
how does the model know which expert to choose
what chooses the experts
how does it decide who works on a token
who decides what part works on my word
the part that gives scores, what is it called
the thing that decides where a token goes
where does a token go, and who decides
i see routing in the panel, what is it
weight and score of an expert
""")

_fact("top_k_experts", "six experts",
"""In each layer only the **6 best** of 256 experts run for a token. Over 43 layers that makes 258 expert runs per token; all the others stay idle.""",
"""
how many experts run per token
how many experts are used for each token
how many experts are active at once
6 of 256
six of 256, what does that say
why six experts
why only six
why not use all 256
why not run all the experts
are all experts used for a token
are the other 250 idle
what do the idle experts do
how many are idle
how many expert runs are there per token
258 expert runs
number of expert runs for a token
number of active experts
active experts per layer
how many active experts per layer
top 6 experts
what is the top k of experts
top k experts
expert used count
does every expert run each time
how many of them work at the same time
how many work on one token
how many get picked in a layer
how many are picked per token
only a few are picked, how many
count of picked experts
the model uses just six, is that enough
experts used count, is it six
""")

_fact("hash_layers", "hash layers",
"""The first 3 layers of Flash are **hash-routed**: a fixed table maps each token id to its experts. They are known before the token runs, so they can be fetched early.""",
"""
what are hash layers
what is a hash routed layer
explain hash routing
hash routing
which layers are hash routed
how many hash layers are there
why are the first three layers different
why are the first layers drawn apart
what is special about the first 3 layers
what is special about layer 0
layers 0 to 2
layer 0, 1 and 2 look different, why
how do the first layers choose experts
the first three layers use a table, why
which table maps token ids to experts
tid2eid
tid2eid table
token id to expert table
fixed table of experts
fixed routing by token id
is routing ever fixed
are experts ever known before the token runs
which experts are known in advance
known in advance by token id
can experts be fetched before the token runs
why can the first layers be fetched early
hash layer?
what does hash mean in hash layer
does the same token always get the same experts
same word, same experts in the first layers
advantage of hash layers
why use a hash for the first three layers
""")

_fact("bias_routing", "bias routing",
"""After the hash layers, a learned **bias** is added to each expert's score when picking. It keeps the load even. The weights themselves use the score without the bias.""",
"""
what is bias routing
what is a bias routed layer
explain the router bias
what is the bias for
why add a bias to the score
what does the bias do to the expert scores
exp_probs_b
what is exp_probs_b
how is the load kept even
load balance
load balancing of experts
what keeps the expert load even
how is expert load balanced
does the model balance its experts
why are all experts used about equally
why is the load balanced
even load over experts
is the bias part of the weight
is the bias learned
is the bias used in the weights
learned bias
bias?
which layers use the bias
how do the later layers pick experts
how do layers after the hash ones pick
routing in the later layers
routing with bias, how
what stops one expert from getting all the load
what stops a few experts from doing everything
how do you avoid that one expert does everything
avoid overload of one expert
hash routing versus bias routing
""")

_fact("layers", "layers",
"""A **layer** is one step of the model: attention first, then experts. Flash has 43 layers and every token passes through them in order, from the first to the last.""",
"""
what is a layer
explain layers
how many layers does flash have
how many layers are there
43 layers
what are the 43 steps
number of layers
what happens in one layer
what is inside a layer
what does each layer do
what are the steps of the model
how many steps does a token pass through
does a token pass through all layers
in which order do layers run
order of the layers
are layers run in order
are layers run one after another
layer?
what is layer 42
why are there rows from 0 to 42
what do the rows 0 to 42 mean
which part runs first in a layer
attention first or experts first
what comes first, attention or experts
depth of the model
how deep is the model
how deep is the network
why so many layers
why is the model built in steps
block count
is a block the same as a layer
number of blocks
""")

_fact("hyper_connections", "hyper connections",
"""**Hyper-connections** carry 4 parallel streams through the model instead of one. Each layer mixes the streams into its input and spreads its output back, with weights that depend on the token.""",
"""
what are hyper connections
explain hyper connections
hyper connection
what is a hyper connection
mhc
what does mhc mean
what are the four streams
why are there 4 streams
how many streams does the model carry
why four parallel streams instead of one
parallel streams
streams?
residual streams, how many
residual stream
what is a residual stream
what replaces the normal residual connection
residual connection
how are the streams mixed
what is stream mixing
how does a layer mix the streams
sinkhorn
what is sinkhorn used for
why is there a sinkhorn step
sinkhorn iterations
what flows between the layers
what is passed from one layer to the next
what carries the state from layer to layer
how does information flow between layers
state between layers
information flow through parallel streams
hyper connections, what for
benefit of hyper connections
""")

_fact("sliding_window", "sliding window",
"""The **sliding window** is the last 128 tokens. Every layer sees them exactly, one row each. Older text is seen only through compressed rows.""",
"""
what is the sliding window
explain the sliding window
sliding window
what is the window of 128
last 128 tokens
why 128 tokens
how big is the window
how long is the sliding window
window size
window length in tokens
what are raw rows
raw rows
raw row or compressed row
what is a raw row
which tokens are seen exactly
which part of the text is seen exactly
does the model see recent text exactly
does it see recent words better than old ones
are recent words seen better
recent tokens
what happens to recent text
how does the model see the most recent text
what slides in the sliding window
what happens when a token leaves the window
what happens to a token older than the window
a token fell out of the window, is it lost
does old text fall out of the window
how far back does it look exactly
how far back can a layer look without compression
local attention
is there local attention to recent tokens
what does a window of 128 tokens do
""")

_fact("compressed_rows", "compressed rows",
"""**Compressed rows** are summaries of older text. A group of tokens is pooled into one row, so a long context stays small and the model can still look far back.""",
"""
what are compressed rows
what is a compressed row
explain compressed rows
compressed rows
what does the compressor do
compressor
what is the compressor
what is compressed in the cache
how is old text compressed
how does it remember old text
how is older text remembered
how does the model remember the start of a long text
how does a long text stay small
why does a long context stay small
what happens to old text
is old text summarised
summaries of older text
does it keep a summary of old tokens
how are tokens pooled
pooling of tokens
pooled tokens
what is a pooled group of tokens
many tokens in one row
why are many tokens put in one row
group of tokens in one row
does compression lose old text
is anything lost when old tokens are pooled
compression of the context
how is the context compressed
how does it look far back
how can it look far back with little memory
look far back
""")

_fact("ratio_4", "ratio 4 layers",
"""A **ratio-4 layer** pools every 4 tokens into one compressed row, with overlap. An indexer then picks the 512 best rows to read. Flash has 21 such layers.""",
"""
what is a ratio 4 layer
explain ratio 4
ratio 4
ratio-4 layers
what does ratio 4 mean
which layers are ratio 4
how many ratio 4 layers are there
four tokens in one row
why pool four tokens
every four tokens make a row, which layer does that
pool of four tokens
overlap of four tokens
what is the overlap in ratio 4
do groups of four overlap
why do the groups overlap
groups of four
why are even layers different
what do the even layers do
even layers
layers with fine compression
which layers compress finely
fine compression
the finer of the two compression ratios
compression by four
which layers compress by four
which layers have an indexer
how do layers with an indexer compress
r = 4
layer 2, 4, 6, what do they have in common
what kind of layer is layer 4
21 layers with a ratio of four
are there 21 of the finer layers
""")

_fact("ratio_128", "ratio 128 layers",
"""A **ratio-128 layer** pools every 128 tokens into one compressed row and reads all of them. It gives a coarse view of the whole context. Flash has 20 such layers.""",
"""
what is a ratio 128 layer
explain ratio 128
ratio 128
ratio-128 layers
what does ratio 128 mean
which layers are ratio 128
how many ratio 128 layers are there
128 tokens in one row
why pool 128 tokens
every 128 tokens make a row, which layer does that
pool of 128 tokens
odd layers
what do the odd layers do
why are odd layers different
coarse view
what gives the coarse view of everything
coarse layers
which layers compress coarsely
the coarse compression
coarse compression of the whole context
which layers see the whole context
how does it get a view of the whole context
view of the whole document
which layers read all their compressed rows
reads all rows without an indexer
layers without an indexer
do odd layers have an indexer
why no indexer in odd layers
the coarser of the two ratios
compression by 128
r = 128
are there 20 of the coarse layers
""")

_fact("indexer", "indexer",
"""The **indexer** scores all compressed rows of a ratio-4 layer and keeps the 512 best for the current token. It shows which old parts the model is really reading.""",
"""
what is the indexer
explain the indexer
how does the indexer work
indexer
what does the indexer pick
how many rows does the indexer pick
512 best rows
why 512 rows
what are the 512 rows
how does it pick which old parts to read
how does it know where to look in a long text
how does it find the right place in old text
how does it find a passage in a long document
find old passages
search in old text
does the model search its own past
who scores the old rows
score of old rows
indexer score
indexer scores
lightning indexer
sparse attention
is the attention sparse
what makes attention sparse
why not read all old rows
does it read all of the past every time
what picks the old rows
who picks 512 rows
pick the best old rows
how are the best rows found
which network scores the old rows
does it scan all old rows for each token
why score rows before reading them
""")

_fact("attention", "attention",
"""**Attention** lets the current token look at earlier ones. Its query is compared with every visible row; the closest rows add the most to the result.""",
"""
what is attention
explain attention
how does attention work
attention
what does attention do
attention for beginners
what is a query
query
what are queries compared with
what is a key and a value
key and value
query key value
how does a token look at earlier tokens
how does a token see earlier words
can a word look at earlier words
how does the model connect words
how do words connect with earlier ones
how does it relate one word to another
relate words to each other
what are attention heads
how many heads
64 heads
why are there 64 heads
what does a head do
what is an attention head
what part looks back at earlier words
looking back at earlier tokens, what is it called
which mechanism compares tokens
compare one token with the earlier ones
attention step inside a layer
number of attention heads
what are keys and values in attention
keys, values and queries
""")

_fact("attention_sink", "attention sink",
"""An **attention sink** is a learned number per head that takes part in the softmax but adds nothing. A head that finds nothing useful can put its weight there.""",
"""
what is an attention sink
explain attention sinks
attention sink
sink
what is a sink
what does the sink do
attn_sinks
why does each head have a sink
what is the sink number of a head
sinks?
why is there a sink in the softmax
where goes the weight of a head that finds nothing
what if a head finds nothing useful
what does a head do when nothing is useful
nothing useful to look at, what then
when no row is useful where does the weight go
can a head look at nothing
can attention be put on nothing
put the weight on nothing
is there a way to attend to nothing
attend to nothing
does attention always add up to one
why does attention not add up to one
attention weights do not add up to one
the weights add up to less than one
part of the weight is missing, is it the sink
missing attention weight
does the sink have a value
does the sink add a value
is the sink learned
learned sink per head
purpose of the sink
""")

_fact("rotary", "rotary embedding",
"""A **rotary embedding** marks positions: 64 values of each row are turned by an angle that grows with the position. **YaRN** stretches the angles so that long contexts work.""",
"""
what is a rotary embedding
explain rotary embeddings
rope
what is rope
rotary
rotary position
what does rotary mean
yarn
what is yarn
why is yarn needed
what does yarn stretch
yarn scaling
how does the model know the order of words
how does it know the position of a word
how is the position of a token marked
where is the position stored
position of a token
positions
how are positions marked
does the model know word order
word order
how does it tell first from last word
why are values turned by an angle
angle by position
turned by an angle
which values are turned
what is turned in a row
rotary width 64
64 rotary values
rope scaling factor
rope base
position encoding
""")

_fact("token", "token",
"""A **token** is a piece of text the model reads or writes: a word, part of a word or a sign. One English word is often one or two tokens.""",
"""
what is a token
explain tokens
token
what are tokens
define token
tokens for beginners
how long is a token
how many letters are in a token
how many tokens is a word
how many words are 1000 tokens
words versus tokens
is a token a word
is a token the same as a word
is a word always one token
tokens or words
why count tokens and not words
why do you count in tokens
why is everything counted in tokens
what is counted in tokens
what is the unit of text
unit of text for the model
what piece of text does it write at a time
does the model read letters or words
does it read letter by letter
does it write word by word
pieces of text
what is a piece of text called
why are some words cut into pieces
my word is cut into two pieces, why
a word cut in parts
how many tokens is a page of text
pieces of words and text, what are they called
""")

# ------------------------------------------------ text, numbers and sampling

_fact("tokenizer", "tokenizer",
"""The **tokenizer** cuts text into tokens and puts them back together. It uses byte-level BPE: it starts from bytes and joins the pairs that were most common in training.""",
"""
what is the tokenizer
explain the tokenizer
tokenizer
what is bpe
bpe
byte level bpe
what does byte level mean
what is byte pair encoding
byte pair
who cuts text into tokens
what cuts my words into pieces
how does text become tokens
how does text turn into numbers
text to numbers, how
what turns my text into numbers
from numbers back to text
how do tokens become text again
back to text from tokens
how are bytes joined
merges
what are merges in the tokenizer
which pairs are joined
common pairs joined into one
can it read any language or sign
can the tokenizer read emoji
how are emoji and other languages cut
which tokenizer does starglass use
where does the tokenizer come from
is the tokenizer part of the model file
explain byte pair encoding
which part cuts text into tokens
cut into tokens by whom
why start from bytes
""")

_fact("special_tokens", "special tokens",
"""**Special tokens** mark structure: start of text, user turn, assistant turn, thinking and end. They are made only by the program; the same letters typed by you stay plain text.""",
"""
what are special tokens
what is a special token
explain special tokens
special tokens
special token
control tokens
what are control tokens
what is a control string
control strings
bos
eos
what is the bos token
what is the eos token
bos and eos
end of sentence token
how does the model know that my turn ends
how does it know who speaks
how does the model tell user from assistant
what marks the user turn
what marks the assistant turn
what marks the start of a turn
turn marks
hidden marks around my message
are there hidden marks in the prompt
what hidden signs are added to my message
can i type a special token
what if i type a special token myself
i typed a control token, what happens
can typed text become a control token
can a document inject control tokens
can somebody inject special tokens by text
is injection of control strings possible
how does it know when to stop, end token
""")

_fact("vocabulary", "vocabulary",
"""The **vocabulary** is the list of all tokens the model knows: 129,280 entries for Flash. For each next token the model gives a score to every entry.""",
"""
what is the vocabulary
explain the vocabulary
vocabulary
vocab
vocab size
vocabulary size
how big is the vocabulary
how large is the vocab
how many tokens does the model know
how many different tokens exist
how many different tokens are there
129280
what is the number 129280
129,280 entries
number of entries in the vocabulary
how many entries are in the list of tokens
list of tokens
is there a list of all tokens
list of all the words it knows
all the words the model knows
how many words does the model know
which words does it know
does the model know a fixed set of words
fixed set of tokens
the set of all possible tokens
all possible next tokens
how many possible next tokens
what can the model choose from
from how many entries does it choose
token id
what is a token id
entries in the token list
how many token ids are there
token ids of the vocabulary
""")

_fact("context_length", "context length",
"""The **context length** is the most tokens a session can hold, prompt and answers together. Flash allows up to 1,048,576; a smaller limit needs less memory.""",
"""
what is the context length
explain context length
context length
context limit
what is the limit of the context
context window
how long can the context be
how long can a conversation be
how long can a session get
how long can my document be
how long may a text be
longest text it can take
longest document
longest prompt
maximum context
maximum number of tokens in a session
is there a limit to a conversation
limit of a chat in tokens
how much text can the model hold
how much text fits
how much can it hold at once
how much can it read at once
can it hold a whole book
does a whole book fit
will my long document fit
one million tokens of context
is the context really one million
1m context
ctx limit
what does ctx mean
can i set a smaller context limit
can i lower the maximum context
1048576 tokens of context
why 1048576 tokens
maximum context length
""")

_fact("context_used", "context used",
"""**Context used** counts the tokens this session has filled so far, such as `48k/200k`. When it is full the model cannot go on: start a new session or fork an earlier message.""",
"""
what is context used
used context
how full is the context
how full is my session
how full is it
what if the context is full
what happens when the context is full
context full
the context is full, what now
i ran out of context
out of context
run out of context, what to do
i am running out of space in this conversation
how much space is left
how much is left in this session
space left for tokens
how many tokens are left
tokens left
what does 48k/200k say
two numbers with a slash and k
the k numbers with a slash, what are they
ctx 48k/200k
how many tokens has this session filled
how many tokens did i use so far
tokens used so far
used so far
filled so far
what fills the context
what fills up my session
does thinking fill the context
how much of the context have i used
what is the used context
48k of 200k tokens used
what do 48k and 200k stand for
""")

_fact("embedding", "embedding",
"""The **embedding** turns a token id into a list of numbers, 4096 for Flash. That vector enters the first layer, copied into each of the four streams.""",
"""
what is an embedding
explain embeddings
embedding
embeddings
embedding table
what is the embedding table
what does the embedding do
embedding width
what is the embedding width
4096
what is the number 4096
4096 numbers
why 4096 numbers per token
how many numbers stand for a token
numbers for a token
list of numbers for a token
what vector stands for a word
vector
what is the vector of a word
word vector
what vector enters the first layer
what enters the first layer
what is the input of the first layer
input vector
first step before layer 0
what happens before the first layer
before the layers, how is a token id turned into numbers
turn a token id into a vector
how does an id become a vector
how does a word become a vector
width of the model
how wide is the model
hidden size
what is the hidden size
""")

_fact("logits", "logits",
"""**Logits** are the raw scores the model gives to every token of the vocabulary at the end of a step. A higher logit means a more likely next token.""",
"""
what are logits
what is a logit
explain logits
logits
logit
what are the raw scores of tokens
raw score of a next token
what comes out of the model at the end
what comes out of the last layer
what comes out at the end of a step
what is the output of the model
output of the last layer
model output
the output of a step
the final scores for all tokens
final scores
what are the final numbers for each token
what does the head compute
output head
what is the output head
head of the model
why are some scores negative
can a logit be negative
negative scores
logits or probabilities
difference between logits and probabilities
raw scores of a step
what is a raw score good for
score of every token at the end
scores at the end of a step
score for every token of the vocabulary
a higher logit, what does it say
is a higher logit better
what is a high logit
""")

_fact("softmax", "probability",
"""A token's **probability** says how likely the model finds it as the next one. **Softmax** makes them from the logits: all positive, adding up to 1.""",
"""
what is the probability of a token
what is softmax
softmax
explain softmax
probabilities
explain the probability of a token
token probability
how likely is the next word
most likely next token
percent of a token
why does a token have 80 percent
chance of a token
what chance did this word have
chance of the next word
how sure is the model of a word
how sure was it of this word
is the model sure of this token
how are probabilities made from scores
from scores to probabilities
do the probabilities add up to one
why do they add up to 1
log probability
logprob
logprobs
what is a log probability
what does probability mean here
how is a probability made
probability from 0 to 1
what does a probability of 0.8 say
how are percents computed from scores
from logits to probabilities
what does softmax make from logits
all probabilities are positive, why
meaning of 80 percent for a token
""")

_fact("temperature", "temperature",
"""**Temperature** sets how adventurous the choice of tokens is. Low is steady, high is varied; at 0 the best token is always taken. The default is 1.""",
"""
what is temperature
explain temperature
temperature
what does temperature do
what temperature should i use
which temperature is good
good temperature for code
default temperature
high temperature
low temperature
raise the temperature
lower the temperature
is temperature about heat
temperature 0
temperature 1
temperature of 0.7
make answers more creative
how do i make it more creative
i want more creative replies
more varied answers
make replies more varied
how do i get more varied text
less random answers
how do i make it less random
i want less random replies
it is too random
answers are too wild
too wild, make it calmer
calmer and steady answers
how adventurous is the choice
creative or steady, which setting
which setting makes it creative
setting for random or steady answers
set the temp
temp setting
what is temp
more adventurous choice of words
adventurous answers
""")

_fact("top_p", "top p",
"""**Top-p** keeps only the best tokens whose probabilities together reach p, then draws among them. 1 means no limit; 0.9 drops the unlikely tail.""",
"""
what is top p
explain top-p
top p
what does top p do
which top p should i use
default top p
top p 0.9
top p 0.95
top p of 1
set top p
lower top p
raise top-p
nucleus sampling
nucleus
what is nucleus sampling
what is the nucleus
unlikely tail
drop the unlikely tail
how do i drop the tail of unlikely tokens
cut the tail
how to cut the tail of the distribution
which setting cuts the unlikely tail
tail of unlikely tokens
keep tokens until their probabilities reach a sum
sum of probabilities reaches 0.9
keep the best tokens that together reach 90 percent
together reach p
cumulative probability
cut by cumulative probability
limit by cumulative sum
what does the p stand for in top p
explain the p in top p sampling
is a low top p safer
""")

_fact("top_k_sampling", "top k",
"""**Top-k** sampling keeps only the k tokens with the highest scores and draws among them. 0 means no limit. It is a setting for words, not for experts.""",
"""
what is top k sampling
explain top-k
top k
what does top k do to the text
which top k should i use for sampling
default top k
top k 40
top k of 0
top k 1
set top k
lower top-k
raise top k
keep only the k best tokens
keep the 40 best tokens
only the best 40
limit the choice to a fixed number of tokens
limit the number of tokens to draw from
fixed number of candidates
number of candidates
how many candidates are kept
how many candidates does it draw from
limit the candidates
draw among the k best
draw among a few candidates
draw from the 40 best words
what does the k stand for in top k
top k or top p
difference between top k and top p
is top k about experts or words
sampling top k
k best candidates
does a small top k make text safer
explain top k with an example
""")

_fact("min_p", "min p",
"""**Min-p** drops every token whose probability is below a share of the best one's. With 0.05, a token needs at least a twentieth of the leader. 0.05 is the default.""",
"""
what is min p
explain min-p
min p
what does min p do
which min p should i use
default min p
min p 0.05
min p 0.1
min p of 0
set min p
lower min-p
raise min p
0.05
why is 0.05 the default
a twentieth of the best
a share of the best token
drop tokens below a share of the best
below a share of the leader
how far below the leader may a token be
tokens far below the leader
drop what is far below the best
minimum probability
minimum probability relative to the best
minimum share
smallest probability a token may have
what is the minimum a token needs
relative minimum
relative to the best token
min p or top p
difference between min p and top p
is min p better than top p
threshold relative to the leader
how does min p work
explain min p with an example
""")

_fact("greedy", "greedy",
"""**Greedy** means the token with the highest score is always taken, so nothing is left to chance. Set the temperature to `0`. Good for code and facts, sometimes dull in prose.""",
"""
what is greedy
what is greedy sampling
explain greedy decoding
greedy
greedy mode
greedy decoding
is it greedy
how do i turn on greedy
turn on greedy decoding
set greedy
always the best token
always take the best token
how do i always get the best word
always take the highest score
take the highest score each time
the word with the highest score every time
leave nothing to chance
nothing left to chance
no chance at all in the answer
no random choice
turn off the random choice
switch off random sampling
sampling off
turn sampling off
without sampling
no sampling please
argmax
what is argmax
is greedy good for code
greedy or sampling
greedy versus sampling
when should i use greedy
is greedy dull
""")

_fact("seed", "seed",
"""The **seed** starts the random generator that draws tokens. The same seed with the same prompt and settings repeats an answer; another seed gives another one.""",
"""
what is the seed
explain the seed
seed
random seed
seed 42
what does the seed do
set a seed
set the seed
which seed should i use
change the seed
another seed
new seed
fixed seed
use a fixed seed
same seed
does the same seed give the same answer
what does seed 0 mean
random generator
what starts the random generator
random numbers
where do the random numbers come from
repeat a random answer exactly
get the same reply again
another answer to the same prompt
how to get another reply for the same prompt
why does it give another answer each time
why is the reply different each time
different answer each time i ask
different each time
how do i repeat a random answer
can i repeat it with the same seed
same random numbers again
repeat with a fixed seed
""")

_fact("determinism", "determinism",
"""Starglass is **deterministic**: same file, prompt, seed, backend and thread count give the same tokens. Sums are always added in a fixed order.""",
"""
what is determinism
is it deterministic
is starglass deterministic
deterministic
determinism
explain determinism
are results reproducible
reproducible
reproducible results
can i reproduce a result
how do i reproduce a run
reproduce on another machine
does another backend give the same tokens
does the thread count change the result
does a backend change the tokens
why do results differ between machines
results differ on another machine
results differ with another thread count
what must be equal to get equal results
equal results
equal tokens on two runs
are two runs equal
two runs of the same thing, same tokens
are sums added in a fixed order
fixed order of sums
why does the order of sums matter
order of adding numbers
bit identical
are two runs bit identical
bit for bit the same
same file, same prompt, same tokens
same tokens on every run
rounding differs between runs
""")

# -------------------------------------------------------------- thinking

_fact("why_think", "thinking",
"""Before it answers, the model can **think**: it writes its reasoning first, then the answer. That takes more time and tokens but helps with hard questions.""",
"""
why does the model think
what is thinking
explain thinking
what is the thinking part for
why does it think before it answers
think before the answer
what is reasoning
reasoning
reasoning first
why write reasoning first
does thinking help
does thinking make answers better
do answers get better with thinking
is thinking worth the time
when is thinking useful
hard questions
thinking for hard questions
does it help with hard problems
why does it talk to itself
it talks to itself first
why does it talk to itself before it answers
chain of thought
does the model really reason
why does it reason before the answer
what is reasoning good for
what does reasoning help with
does reasoning cost more tokens
thinking takes more time, why do it
more time for thinking, is it worth it
are answers more often right with reasoning
does the model think like a person
is it really thinking
what is chain of thought
why not answer without reasoning
""")

_fact("reasoning_dropped", "old reasoning",
"""When you send a new message, the reasoning of **earlier turns** is left out of the prompt; only their answers stay. With tools in use it is kept.""",
"""
is old reasoning kept in the prompt
what happens to old reasoning
reasoning of earlier turns
reasoning from earlier turns
is earlier reasoning dropped
why is the reasoning dropped
dropped reasoning
reasoning dropped from history
is reasoning sent again
is old thinking sent again
is the thinking of the last turn sent again
does the model see its earlier thoughts
does it remember its earlier thoughts
earlier thoughts
are old thoughts kept
are old thoughts in the history
does the history hold the thinking
history without thinking
thinking in the history
is thinking part of the history
what goes into the prompt of the next turn
what is left out of the prompt
why is something left out of the prompt
left out of the next prompt
why did the token count drop after a new message
the count of tokens went down after my next message
when is reasoning kept
keep the reasoning of earlier turns
is reasoning kept when tools are used
kept with tools, dropped otherwise
it forgot what it thought earlier
forgot its earlier thoughts
""")

_fact("answer_split", "answer split",
"""The stream is split at the end-of-thinking tag `</think>`: text before it goes to the thinking pane, text after it to the answer pane. A half-read tag is never shown.""",
"""
how are thinking and answer split
how is thinking separated from the answer
thinking and answer split
answer split
how does the program separate reasoning and answer
separate reasoning from the reply
separated how
where does the reasoning end
where does thinking end and the answer start
what ends the thinking
end of thinking tag
end of thinking
</think>
think tag
think tags
what is the think tag
do i ever see the think tag
is the tag ever shown
is half a tag ever shown
how does it know which part is the answer
which part is the answer
which part goes to which pane
two streams, reasoning and answer
split the stream in two
how is the stream split
split at which tag
where is the line between thinking and answer
the border between thinking and answer
how are the two parts of a reply found
how does the program find the end of the thinking
what tag ends the thinking
is the split made at a tag
""")

# ---------------------------------------------------------------- running

_fact("prefill", "prefill",
"""**Prefill** is the first phase: the model reads your whole prompt and fills its memory before it writes anything. A long prompt takes long here, unless it was cached.""",
"""
what is prefill
explain prefill
prefill
prefill phase
the first phase
what happens in the first phase
what happens before it writes anything
what happens before the first word
what is it doing before it writes
why does it read the prompt first
reads the whole prompt
reading my prompt, what is that
what does it do with my prompt first
processing the prompt
prompt processing
why does prompt processing take long
why does prefill take so long
why does a long prompt take long
my long prompt takes long
long wait with a long prompt
i pasted a long text and now wait
i pasted a long document and nothing is written
nothing is written yet, why
waiting before it writes
prefill 62 percent
what does prefill percent mean
the percent before the answer starts
progress of reading the prompt
how is prefill progress shown
prefill versus decode
prefill speed
when is prefill not needed
""")

_fact("decode", "decode",
"""**Decode** is the second phase: the answer is written one token at a time, and each new token runs through all layers again. Its speed depends mostly on memory speed.""",
"""
what is decode
explain decode
decode
decoding
decode phase
what is decoding
what is the second phase
second phase, after the prompt
what happens after prefill
after the prompt was read, what comes
what comes after prefill
how is the answer written
how is an answer generated
generation
token generation
how does generation work
how does it write an answer
one token at a time
why one token at a time
why does it write one word at a time
why not write all words at once
one word after another
does each new token run through all layers
what happens for each new token
each new word runs through the model again
what limits decode speed
what limits generation speed
decode speed
is decode limited by memory speed
why does generation depend on memory speed
decode or prefill, which writes the answer
the writing phase
""")

_fact("ttft", "first token",
"""**Time to first token** runs from Send until the first token appears. It is mostly prefill; a short prompt or a cached beginning makes it short.""",
"""
what is time to first token
time to first token
explain time to first token
ttft
what does ttft mean
first token
when does the first token appear
when does the first word appear
how long until the first word
how long until the first token
how long until something appears
how long until it starts
time until it starts
time from send to the first word
why does it take so long to start
it takes so long to start
slow to start
why is it slow to start
slow start of an answer
answers start slowly
how can answers start sooner
make it start sooner
start sooner please
sooner first word
how do i get the first word sooner
delay before the first word
why is there a delay after send
delay after send
latency
what is the latency after send
first token time
waiting for the first token
""")

_fact("tokens_per_second", "tokens per second",
"""**Tokens per second** (tok/s) is the speed of writing. A person reads roughly 5 to 10 per second. Prefill has its own figure, which is usually higher.""",
"""
what is tokens per second
explain tokens per second
tokens per second
tok/s
what does tok/s mean
14.2 tok/s
what does 14.2 tok/s say
speed of writing
how fast does it write
how fast is the model
how fast is it
how fast will it be
how fast are answers
speed
what is the speed
speed of the model
writing speed
what is a good speed
what is a good number of tokens per second
is 10 tok/s good
is 5 tokens per second slow
is that speed fast or slow
number of tokens per second
reading speed of a person
do i read faster than it writes
is it faster than i can read
how is speed measured
how is tok/s measured
in what unit is speed measured
speed unit
how many words per second
what is t/s
t/s or tok/s
how many t/s is good
""")

_fact("streaming_output", "streaming output",
"""Answers are **streamed**: each token is shown as soon as it is ready, so you can read along. A character of several bytes appears only when it is whole.""",
"""
what is streaming output
explain streamed answers
streaming output
streamed answers
streaming the answer
are answers streamed
is the reply streamed
stream
why does the text appear bit by bit
why does text appear slowly
text appears bit by bit
why do words appear one by one
words appear one by one
shown as soon as it is ready
is each token shown when it is ready
can i read along
read along while it writes
can i read before it is ready
can i read while it is writing
do i have to wait for the whole answer
wait for the whole reply
must i wait until the end
see the text as it is written
see it as it comes
text as it comes
half a character
is half a character ever shown
why does an emoji appear late
broken characters in the stream
characters of several bytes
why does the text come in pieces
live text
""")

_fact("chunked_prefill", "chunked prefill",
"""Prefill works in **chunks**: many tokens pass through a layer together, grouped by expert, so weights are unpacked once per chunk. Results equal token-by-token work within a tiny tolerance.""",
"""
what is chunked prefill
explain chunked prefill
chunked prefill
chunk
chunks
what is a chunk
what is a chunk of tokens
chunk size
which chunk size is best
how big is a chunk
why is the prompt read in chunks
reads the prompt in chunks
why in chunks and not one by one
many tokens together
many tokens through a layer together
why are tokens grouped by expert
grouped by expert
group tokens by expert
batch
batched prefill
is the prompt batched
batch of tokens
does a chunk change the result
does the chunk size change the answer
same result with other chunks
why is reading faster than writing
why is prefill faster than decode
reading is faster than writing per token, why
how is prefill made fast
what makes reading the prompt fast
prefill of many tokens at once
is prefill done many tokens at once
""")

# ------------------------------------------------------------- the KV cache

_fact("kv_cache", "kv cache",
"""The **KV cache** is the model's memory of a session: for every token read, each layer keeps rows it can look back at. With it, old tokens are never computed again.""",
"""
what is the kv cache
explain the kv cache
kv cache
kv
what does kv mean
what does kv stand for
cache
what is the cache for
why is there a kv cache
why keep a cache of old tokens
what is kept for each token
what does each layer keep
what does a layer keep of old tokens
where does the model keep what it read
what the model read, where is it kept
where is what it read kept
what is the memory of the session
memory of the session
does the session have a memory
session memory in the model
how does it remember the session
how does it remember what i said
remember what i said before
does it remember what i said
are old tokens computed again
does it compute old tokens again for each word
why not compute everything again
never computed again, how
what is a kv row
kv row
rows of the kv cache
what is cached of old tokens
what rows are cached for a token
""")

_fact("packed_rows", "packed rows",
"""KV rows are kept **packed**: the model itself rounds them to small codes, so those codes are stored as they are, in memory and on disk. Nothing is lost.""",
"""
what are packed rows
explain packed rows
packed rows
packed
packed kv
what does packed mean
why are rows packed
how are rows packed
how are kv rows stored
in what form are rows stored
stored as codes
codes
what codes are stored in the rows
why store codes and not numbers
e4m3
e2m1
fp8 rows
what is fp8 here
fp8 and fp4 codes
why fp8 codes for the rows
is anything lost by packing
is packing lossy
lossy or lossless
is it lossless
lossless packing
does packing change the answers
does packing lose quality
is the kv rounded
why are kv rows rounded
584 bytes
how many bytes does one kv row take
bytes of one row
e4m3 codes
e2m1 codes
what are e4m3 and e2m1
584 bytes per row
why 584 bytes in a packed row
""")

_fact("kv_size", "cache per token",
"""For Flash the cache takes about **3.5 KB per token**: some 115 MB for 32k tokens and 3.7 GB for one million. Packed rows make it a quarter of the usual size.""",
"""
how big is the cache per token
size of the kv cache
kv cache size
how much memory does a token take
memory per token
memory for each token of context
how many kilobytes per token
kilobytes per token
3.5 kb per token
3.5 kb
3.7 gb
what needs 3.7 gb
how much memory for one million tokens
how many gigabytes for a million tokens
gigabytes for one million tokens of cache
how much memory for 32k tokens
memory of 32k tokens of context
how much ram does a long conversation take
how much ram does the context need
ram for a long context
ram for a long conversation
does a long context need much memory
does a long session need much ram
how does memory grow with the context
cache growth per token
how fast does the cache grow
how does the cache grow
cost of context in memory
memory cost of a longer context
megabytes for the context
how large is the kv for 200k tokens
kv bytes per token
""")

_fact("checkpoint", "kv checkpoint",
"""A **KV checkpoint** is the model's state for a session, saved on disk. Loading it takes moments, where reading the whole prompt again could take minutes.""",
"""
what is a kv checkpoint
explain checkpoints
checkpoint
checkpoints
kv checkpoint
define checkpoint
what is inside a checkpoint
what does a checkpoint hold
what does a checkpoint save
what is saved on disk for a session
what state is saved
saved state
is the state of the model saved
save the state
can the state be saved on disk
does it save its state on disk
when is a checkpoint written
when is a checkpoint saved
when is the state saved
how often is a checkpoint saved
how often does it save
every 2048 tokens
why every 2048 tokens
does saving pause the answer
does a save slow down generation
is the cache saved when i close the program
does the cache survive a restart
survive a restart
is the state kept after a restart
what is kept of a session when i quit
why write checkpoints
benefit of checkpoints
""")

_fact("segments", "segments",
"""A **segment** is a piece of a checkpoint: the rows of a fixed run of tokens, written once and shared. Sessions with the same beginning use the same segments.""",
"""
what is a segment
explain segments
segment
segments
kv segment
what are segments for
what does a segment hold
why are checkpoints cut into segments
cut into pieces on disk
pieces of a checkpoint
what pieces is a checkpoint made of
what is shared between sessions
shared between sessions
shared pieces
are pieces shared
can two sessions share rows
two sessions with the same beginning
same beginning, stored twice or once
same beginning stored once
same system prompt stored once
is a shared system prompt stored once
is the same prompt stored twice
are things stored twice
is anything written twice
written once
why is so little written on each save
how does the next checkpoint write only what is new
only what is new is written
writes only new rows
shared prefix on disk
tree of shared prefixes
how are checkpoints shared
""")

_fact("frontier", "frontier",
"""The **frontier** is the small changing part of a checkpoint: the last 128 raw rows, half-filled compression groups and the next-token scores. Everything else never changes.""",
"""
what is the frontier
explain the frontier
frontier
frontiers
frontier size
how big is the frontier
what does the frontier hold
what is in the frontier
what part of a checkpoint changes
which part of a checkpoint changes
changing part of a checkpoint
the part that changes
what changes with every token
what changes and what never changes
small changing part
why is there a small changing part
half filled groups
half filled compression groups, where are they saved
what about half filled groups at a save
partial groups
partial windows
where are partial windows kept
are next token scores saved
where are the next token scores saved
next token scores in a checkpoint
aligned to 128
why save at multiples of 128
multiples of 128
why are aligned saves smaller
aligned saves
what is a frontier file
frontier versus segment
""")

_fact("resume", "resume",
"""To **resume** a session, the longest matching checkpoint is loaded and only the rest is read anew. The result is exact: same scores as if it had never stopped.""",
"""
what does resume mean
explain resume
resume
resume a session
how does resume work
how do i resume an old session
can i resume yesterday's chat
can i go on with yesterday's chat
go on with an old chat
go on where i left off
continue where i left off
continue an old conversation
how do i continue an old conversation
come back to an old conversation
can i come back tomorrow and continue
come back later and go on
is resume exact
exact resume
same result after resume
are answers the same after a resume
does the answer change after a resume
how fast is resume
why is resume so fast
longest matching checkpoint
which checkpoint is loaded on resume
what is loaded when i go back to a session
what is read anew after resume
is the whole chat read again when i continue
must it read everything again when i go on
time to resume an old session
does resume read everything again
what does resume do with checkpoints
""")

_fact("fork_cost", "fork cost",
"""A **fork** starts a new branch from any message and shares all rows up to there. It costs almost nothing on disk: only the new tail is written.""",
"""
what does a fork cost
fork cost
cost of a fork
is a fork expensive
is forking cheap
how much disk does a fork take
does a fork copy the cache
does a fork copy everything
copy of a session for a new branch
cost of a new branch
is a branch expensive
does a branch take more disk
how much is written for a branch
what does a fork share with the original
share rows with the original
only the new tail is written
disk cost of a fork
how big is a fork on disk
does a fork need much disk
is a fork heavy on disk
does a fork double the disk use
does forking take more memory
does a fork share rows
which rows does a fork share
what is shared by a fork
are rows copied when i fork
are rows copied for a branch
how many bytes does a fork write
what does a fork write to disk
why is a fork so cheap
why is forking nearly free
is a fork nearly free
many forks of one session, is that expensive
can i fork often without filling the disk
""")

_fact("eviction", "eviction",
"""**Eviction** deletes checkpoints when the disk budget is full. First go those that save the least time per byte; pinned ones and those your sessions need are never deleted.""",
"""
what is eviction
explain eviction
eviction
evict
evicted
what does evicted mean
what gets evicted
what is evicted first
what is evicted next
next to be evicted
which checkpoint is deleted first
which checkpoints are deleted
are checkpoints deleted
when are checkpoints deleted
why was my checkpoint deleted
a checkpoint was deleted, why
a checkpoint is gone
why is my checkpoint gone
is a checkpoint ever removed
checkpoints removed by the program
who removes old checkpoints
does it clean up old checkpoints
clean up
automatic clean up
are pinned ones deleted
how do i stop a checkpoint from being deleted
protect a checkpoint
how do i protect a checkpoint
eviction order
are pinned checkpoints evicted
evict old checkpoints
which checkpoints are never evicted
""")

_fact("cache_identity", "cache identity",
"""A checkpoint is found by a **hash** of its text: the SHA-1 of the rendered prefix, plus a fingerprint of the model. A checkpoint of another model is never used.""",
"""
what is the cache identity
explain cache identity
cache identity
hash
what is the hash of a checkpoint
what is hashed
what is the hash for
sha-1
sha1
why sha-1
hash of the prefix
prefix hash
how is a checkpoint found
how does it find the right checkpoint
find the matching checkpoint
how are checkpoints matched
what must match
how does it know that a checkpoint matches
how does it know that a checkpoint fits my text
identity of a checkpoint
name of a checkpoint file
what is the long name of hex digits
hex digits in a file name
fingerprint
model fingerprint
what is the fingerprint of the model
can a checkpoint of another model be used
checkpoint from another model
is a checkpoint of another model used by mistake
wrong checkpoint by mistake
could it load the wrong checkpoint
what if i change the model, are checkpoints still used
sha1 hash of the text
is sha1 used for checkpoints
""")

_fact("kvc_files", "ds4 kvc files",
"""Starglass reads and writes the `.kv` files of **ds4** (KVC format), so you can bring a cache or take it away:
```
starglass-cli kv import
starglass-cli kv export
```""",
"""
what are kvc files
explain the kvc format
kvc
kvc format
kv files
what is a .kv file
can i use my ds4 cache
ds4
what is ds4
ds4 cache
ds4 files
bring my cache from ds4
how do i bring a cache from ds4
i used ds4 before, can i bring my files
come from ds4
move from ds4 to starglass
move my cache to another program
take my cache to another program
take the cache away
can i take my cache with me
import a cache
import kv
how do i import kv files
export a cache
export kv
how do i export the cache
kv import command
kv export command
exchange cache files with another engine
cache from another engine
format of ds4 cache files
can i load ds4 kv files here
""")

# ------------------------------------------------------- weights and files

_fact("quantisation", "quantisation",
"""**Quantisation** stores weights with fewer bits each, in blocks that share a scale. The file gets much smaller and quicker to read, for a small loss of precision.""",
"""
what is quantisation
what is quantization
explain quantisation
quantisation
quantization
quantised
what does quantised mean
quant
quants
what is a quant
why quantise a model
why are weights quantised
fewer bits
fewer bits per weight
why fewer bits per weight
how many bits does a weight have
bits per weight
how can the file be so small
how is the file made smaller
make the model file smaller
why is the file smaller than the parameter count
smaller weights
is quality lost by quantisation
does a quant lose quality
loss of quality by fewer bits
loss of precision
how much precision is lost
is a smaller file worse
blocks with a scale
what is a block of weights
what is a scale in a block
which quant should i choose
""")

_fact("two_bit", "two bit experts",
"""In the **q2** file the routed experts use 2 to 3 bits per weight: `IQ2_XXS` for gate and up, `Q2_K` for down. The file is about 81 GiB; all other weights keep more bits.""",
"""
what is q2
explain the q2 file
q2
q2 file
iq2_xxs
what is iq2_xxs
q2_k
what is q2_k
iq2
two bit
2 bit
2-bit experts
what are two bit experts
explain 2 bit experts
which weights are stored in 2 bits
are two bits enough
are 2 bits enough for an expert
how can two bits be enough
is 2 bit good enough
is the two bit version any good
quality of the two bit version
how big is the q2 file
size of the q2 file
81 gb file
the 81 gb version
why is q2 81 gb
smallest version of flash
smallest file of flash
which version is the smallest
i have little disk, which version is the smallest
is everything stored in 2 bits
2 bits for gate and up
""")

_fact("q4_k", "q4 file",
"""`Q4_K` stores 256 weights in 144 bytes, about 4.5 bits each. In the **q4** file the experts use it: better quality than q2, but about 153 GiB.""",
"""
what is q4
what is q4_k
explain q4_k
q4_k
q4
q4 file
four bit
4 bit
4-bit experts
what are four bit experts
are four bits better than two
is q4 better than q2
q4 or q2
q4 versus q2
should i take q4 or q2
difference between q4 and q2
how big is the q4 file
size of the q4 file
153 gb
the 153 gb version
why is q4 so big
4.5 bits
why 4.5 bits per weight in q4
144 bytes per block
better quality version
which version has the better quality
version with better quality
i have much memory, which version is better
four bit version
quality of the four bit version
k quants
what is a k quant
""")

_fact("q8_0", "q8",
"""`Q8_0` stores 32 weights as 8-bit numbers with one shared scale, 34 bytes in all. Flash uses it for attention, shared experts and the output; nearly nothing is lost.""",
"""
what is q8_0
explain q8_0
q8_0
q8
q8 weights
what is q8
8 bit
eight bit
8-bit weights
what are eight bit weights
which weights are stored in 8 bits
which parts are 8 bit
which parts use q8
what uses q8_0
where is q8_0 used
34 bytes
34 bytes per 32 weights
32 weights in 34 bytes
is q8 nearly exact
is anything lost with q8
how exact are 8 bits
how good is 8 bit
is eight bit as good as the original
why eight bit for attention
why is attention stored in 8 bits
in what format is the shared part stored
format of the attention weights
format of the output matrix
what format do the non routed weights have
non routed weights
are non routed weights 2 bit too
int8 weights
is q8 the same as int8
""")

_fact("f16", "f16",
"""`F16` is a 16-bit floating point number, 2 bytes per value. Flash keeps small sensitive parts in it: embedding, router, compressor and hyper-connection weights.""",
"""
what is f16
explain f16
f16
fp16
16 bit
sixteen bit
what are 16 bit floats
half precision
what is half precision
half float
half precision floats
16 bit floating point
floating point numbers
which floating point format is used
which weights are f16
which weights are 16 bit
which parts are kept in 16 bits
where is f16 used
f32
what is f32
f16 or f32
f16 versus f32
difference between f16 and f32
bf16
is bf16 used
2 bytes per value
two bytes per value, which format
how many bytes has a float
why are some weights not quantised
not quantised weights
what is not quantised
sensitive parts in high precision
why keep some parts in 16 bits
fp16 or bf16
is fp16 the same as f16
sixteen bit floats
are sixteen bits needed
""")

_fact("gguf", "gguf",
"""**GGUF** is the file format of the weights: settings, tokenizer and all tensors in one file. Starglass loads version 3 with the `deepseek4` architecture, and refuses others with one clear sentence.""",
"""
what is gguf
what is a gguf file
explain gguf
gguf
gguf file
file format
which file format does it load
what format are the weights in
format of the weights file
model file
what is in the model file
what does a model file hold
what is inside a gguf
tensor
what is a tensor
tensors
how many tensors are in the file
what is the metadata of a model file
gguf metadata
can i load any gguf
can i load a llama file
does it load other models
can i use another model like llama or qwen
other models such as qwen or mistral
is llama supported
why was my file refused
my file is refused
the file was refused with an error
which architecture must the file have
deepseek4 architecture
what kind of file is a gguf
can i load safetensors
safetensors or gguf
is safetensors supported
settings in the gguf
""")

_fact("mmap", "memory map",
"""With **mmap** the weight file is mapped into memory instead of copied. Loading is near instant, and the system reads each page from disk when it is first used.""",
"""
what is mmap
explain mmap
mmap
memory map
memory mapping
what is memory mapping
memory mapped file
is the file mapped
mapped
what does mapped mean
why is the file mapped and not copied
is the file copied into memory
does it copy the whole file into memory
not copied into memory
file pages
what is a page of the file
when are pages read
when is a page read from the file
pages read on first use
first use of a weight
why are the first tokens slower after loading
first tokens slower than later ones
slow at first, then faster
it is slow at first
slow right after loading
why does used memory grow while it runs
memory grows while it runs
memory grows slowly after load
virtual memory is huge
why is virtual memory so large
80 gb of virtual memory
map or read the file
""")

_fact("memory_needed", "memory needed",
"""The q2 file of Flash is about 81 GiB, q4 about 153. To hold it all you need that much memory and some more; with less, experts are **streamed from SSD**.""",
"""
how much memory do i need
memory needed
memory requirements
requirements
what are the requirements
system requirements
hardware requirements
what hardware do i need
which computer do i need
what computer do i need for flash
how much ram do i need
how much ram does flash need
ram needed
needed ram
minimum ram
minimum memory
what is the minimum hardware
is 32 gb enough
is 64 gb enough
is 128 gb enough
is 16 gb of ram enough
i have 64 gb of ram
i have 32 gb, will it run
i have a laptop, will it run
will it run on my computer
will it run on a laptop
can my computer run flash
can my pc run it
does flash fit on my computer
does it fit into my ram
how many gigabytes of ram do i need
gigabytes of ram for flash
""")

# ---------------------------------------------------------- SSD streaming

_fact("ssd_streaming", "ssd streaming",
"""**SSD streaming** runs a model larger than memory: the always-used weights stay, and routed experts are read from the drive when a token needs them. Speed depends on hit rate and drive.""",
"""
what is ssd streaming
explain ssd streaming
ssd streaming
streaming from ssd
stream experts from disk
are experts streamed
streamed experts
how can it run a model larger than memory
run a model larger than memory
model larger than my ram
the model is larger than my ram
the model is bigger than my memory
bigger than memory
does the whole model have to be in memory
must everything be in memory
what if the model does not fit into memory
it does not fit into my memory
not enough memory
not enough ram
i do not have enough ram for the model
too little ram
too little ram for the model
can i run it with too little memory
read experts from the drive
reads from the drive while it answers
why does my drive work while it answers
why is the ssd busy during an answer
ssd busy
how does it use the ssd
which parts stay in memory with streaming
is streaming from disk slow
how fast is streaming from the drive
""")

_fact("expert_cache", "expert cache",
"""The **expert cache** keeps recently and often used experts in memory, so they need no read from disk. Experts live in tiers: device, host memory and disk.""",
"""
what is the expert cache
explain the expert cache
expert cache
cache of experts
cached experts
which experts are cached
which experts are in memory
which experts are kept in memory
how many experts fit in memory
experts in memory
are some experts kept in memory
where do experts live
where is an expert now
tiers
what are tiers
what is a residency tier
residency
residency tier
resident
what does resident mean
resident experts
what do the tier colours say
device, host and disk
device host disk tiers
which tier is an expert in
what happens when the expert cache is full
which expert leaves the cache first
lru
lru policy
cache policy
which cache policy is used
often used experts stay in memory
""")

_fact("hit_rate", "hit rate",
"""The **hit rate** is the share of needed experts that were already in memory. At 93 % only 7 of 100 had to be read from disk. Higher is faster.""",
"""
what is the hit rate
explain the hit rate
hit rate
hits
what is a hit
what counts as a hit
how is the hit rate counted
good hit rate
what is a good hit rate
is 93 percent good
93 %
experts 93%
what does experts 93% say
what does the percent next to experts mean
i see a percent next to experts
percent beside experts
the percent in the status bar next to experts
share of experts already in memory
how often was an expert already in memory
already in memory, how often
how often was it found in memory
found in memory
why is my hit rate low
low hit rate
high hit rate
raise the hit rate
how do i raise the hit rate
how do i get a better hit rate
better hit rate
hit rate per layer
hit rate over time
why does the hit rate rise over time
hits and misses in percent
how many hits out of 100
""")

_fact("miss_stall", "miss and stall",
"""A **miss** is an expert that had to be read from disk; the time a token waits for it is the **stall**. `41 ms: 12 misses, layers 17, 22` says how long and where.""",
"""
what is a miss
what is a stall
explain misses and stalls
miss
misses
stall
stalls
stall time
what does stall mean
what does 12 misses mean
41 ms 12 misses
41 ms: 12 misses, layers 17, 22
what does the line with ms and misses say
how many misses did this token have
misses per token
stall per token
why did this token take so long
why was this token slow
one token was slow
some tokens are slower than others
why are some tokens slower
a token waited, why
why did it wait at this token
waits for the disk
waiting for the disk
how long did it wait for the disk
wait time of a token
short pauses in the answer
why are there short pauses
it pauses in the middle of an answer
pauses between words
which layers had misses
""")

_fact("memory_budget", "memory budget",
"""The **memory budget** is a hard ceiling for what Starglass keeps in memory. Set it with `--memory 12GB`, or `auto` to leave room for the desktop. What does not fit stays on disk.""",
"""
what is the memory budget
explain the memory budget
memory budget
memory limit
memory ceiling
hard ceiling
ceiling
limit the memory
how do i limit the memory
limit memory use
limit ram
ram limit
how do i limit the ram it takes
set the memory budget
raise the memory budget
lower the memory budget
change the memory budget
--memory
--memory 12gb
--memory auto
what does --memory do
what does auto memory do
it takes too much memory
too much memory
too much ram
starglass uses too much ram
use less ram
how can it use less memory
use less memory please
leave memory for other programs
leave room for other programs
my desktop needs memory too
""")

_fact("hot_list", "hot list",
"""A **hot list** names the experts you use most. Starglass learns it from your own use, saves it, and loads those experts first at the next start.""",
"""
what is a hot list
explain the hot list
hot list
hotlist
hot experts
hot
what does hot mean
what is a hot expert
which experts are hot
cold experts
list of experts i use most
experts i use most
which experts do i use most
used most
most used experts
does it learn which experts i use
does it learn from my use
learned from my own use
learns from my own use
learn my habits
does it adapt to my habits
adapts to my use
preload
preloaded experts
which experts are preloaded
what is preloaded at start
what is loaded first at the next start
loaded first at start
why is the next start faster
next start is already warm
warm start
warm up the expert cache
explain the hotlist
where is the hotlist saved
""")

_fact("lookahead", "lookahead",
"""**Lookahead** guesses the next layer's experts from the current state, with the next router, and starts reading them early. It is used only where measurements show that it pays.""",
"""
what is lookahead
explain lookahead
lookahead
look ahead
expert lookahead
prefetch
prefetching
what is prefetched
are experts prefetched
prefetch experts
prediction
expert prediction
what is expert prediction
are experts predicted
predict the next experts
how are the next experts predicted
predict experts of the next layer
guess the next experts
does it guess which experts come next
guess experts of the next layer
which experts come next
can it know what comes next
read experts early
start reading early
does it start reading early
reads early before they are needed
before they are needed
read experts before they are needed
how good is the prediction
precision of the prediction
is the guess often right
does lookahead pay
look ahead by one layer
does it look ahead
""")

_fact("direct_reads", "direct reads",
"""Experts are read with **O_DIRECT** and `io_uring`: several large reads at once, straight into our buffers, past the page cache. So the system's own cache is not flooded.""",
"""
what are direct reads
explain direct reads
direct reads
direct io
o_direct
what is o_direct
why o_direct
io_uring
what is io_uring
why io_uring
liburing
page cache
what is the page cache
is the page cache used
does it flood the page cache
page cache flooded
does it flood the system cache
system cache
past the system cache
past the page cache
why read past the page cache
how are experts read from disk
how does it read from disk
how are disk reads done
several reads at once
how many reads at once
reads in flight
asynchronous reads
are reads asynchronous
what if the file system has no direct reads
file system without o_direct
buffered or direct reads
is liburing used
liburing and io_uring
""")

# ---------------------------------------------------------------- backends

_fact("reference_backend", "reference backend",
"""The **reference backend** is plain scalar code: exact, slow and easy to check. It is the truth in tests; every faster backend is compared with it.""",
"""
what is the reference backend
explain the reference backend
reference backend
reference
reference code
what is the reference for
why is there a reference backend
why a slow backend
slow backend
why is the reference slow
is the reference slow
should i use the reference backend
when should i use the reference
--backend reference
choose the reference backend
scalar
scalar code
what is scalar code
plain scalar code
exact backend
which backend is exact
the most exact backend
which backend is the truth
truth in tests
how are the fast backends checked
how are backends tested
how is the engine tested
how do you check that results are right
how do i know the results are right
are the results right
are the numbers checked against something
what is the cpu code compared with
backends compared with the reference
""")

_fact("cpu_backend", "cpu backend",
"""The **CPU backend** runs the model on your processor with vector code and threads. It needs no graphics card; speed is limited mostly by how fast memory can be read.""",
"""
what is the cpu backend
explain the cpu backend
cpu backend
cpu
cpu only
run on the cpu
can it run on the cpu
does it run on the cpu
run on the processor only
processor
on my processor
does it run on my processor
--backend cpu
choose the cpu backend
without a graphics card
can i run it without a graphics card
i have no graphics card
i have no gpu
no gpu
no gpu, only a cpu
without a gpu
does it work without a gpu
do i need a gpu
do i need a graphics card
is a graphics card needed
is a gpu needed
is a cpu enough
is a processor enough
how fast is it on a cpu
what limits speed on a cpu
cpu speed
speed on a processor
""")

_fact("simd", "simd",
"""**SIMD** instructions work on many numbers at once. Starglass picks the best set your processor has when it starts: AVX2, AVX-512 or AVX-512 VNNI.""",
"""
what is simd
explain simd
simd
avx
avx2
avx-512
what is avx-512
does it use avx-512
does it use avx2
do i need avx-512
do i need avx2
is avx-512 needed
vnni
what is vnni
avx-512 vnni
vector instructions
what are vector instructions
which vector instructions are used
which instructions does my processor have
instruction set
which instruction set is used
which instruction set does it pick
how does it pick the instruction set
many numbers at once
works on many numbers at once
what is run-time dispatch
run-time dispatch
does it pick the best code for my processor
is neon supported
neon or avx
are wide avx registers used
does avx512 help
avx512 support
""")

_fact("threads", "threads",
"""**Threads** share the work over your processor's cores. `--threads auto` measures and picks a count; more is not always better, because memory speed is the limit.""",
"""
what are threads
explain threads
threads
thread count
how many threads
how many threads should i use
how many threads does it use
number of threads
set the number of threads
set threads
change the thread count
--threads auto
--threads 8
what does --threads do
cores
how many cores
how many cores does it use
does it use all cores
use all my cores
use more cores
number of cores
are more threads better
are more cores better
more threads
why do more threads not help
more threads are not faster
does it use all cores when idle
why are some cores idle
fewer threads
use fewer cores
one engine thread
what thread count is good
""")

_fact("vulkan", "vulkan backend",
"""The **Vulkan backend** runs the model on graphics cards of any maker: AMD, NVIDIA or Intel. It needs a driver with Vulkan 1.2 or newer. Choose it with `--backend vulkan`.""",
"""
what is the vulkan backend
explain the vulkan backend
vulkan
vulkan backend
--backend vulkan
why vulkan
why vulkan and not cuda
cuda
does it use cuda
is cuda needed
do i need cuda
rocm
does it need rocm
which driver do i need
driver
do i need a new driver
which driver version
vulkan version
which vulkan version is needed
vulkan 1.2
run on the graphics card
can it run on a graphics card
can it run on the gpu
use my graphics card
how do i use my graphics card
use the gpu
how do i use the gpu
turn on the gpu
shaders
what are the shaders for
gpu backend
is metal supported or only vulkan
metal or vulkan
cuda, rocm or metal
""")

_fact("which_gpu", "which gpu",
"""Any card with Vulkan 1.2 works: Radeon, GeForce, Intel Arc, Strix Halo. More video memory holds more of the model. List yours with `starglass-cli devices` and pick with `--device`.""",
"""
which gpu
which gpu do i need
which gpu works
which gpu should i buy
which graphics card should i buy
which graphics card works
which graphics card is good
which cards are supported
supported cards
supported gpus
is my card supported
is my gpu supported
does my card work
does it work with radeon
radeon
amd card
nvidia card
does it work with an nvidia card
strix halo
does it work with strix halo
vram
how much vram do i need
how much video memory do i need
video memory
list my devices
devices command
starglass-cli devices
two cards in my machine, how do i pick one
pick a device
--device
does it work with a geforce
geforce or radeon
geforce rtx card
is my rtx supported
does it work with intel arc
is an intel arc card good
intel arc or radeon
""")

_fact("hybrid", "hybrid placement",
"""**Hybrid** placement splits a model: attention and shared parts run on the graphics card, routed experts where they live, often on the CPU. `--backend auto` decides from measured speeds.""",
"""
what is hybrid placement
explain hybrid placement
hybrid
hybrid placement
hybrid mode
placement
what is placement
where is each part placed
where is each part of the model placed
which part runs on the card and which on the cpu
part on the card, part on the cpu
split between card and cpu
split between gpu and cpu
split the model between gpu and cpu
gpu and cpu together
can gpu and cpu work together
use both gpu and cpu
use both
can it use both the card and the cpu
my card is too small for the model
card too small
the model does not fit on my card
does not fit on the card
does not fit into video memory
too big for my card
offload
offload layers
offload experts to the cpu
--backend auto
what does backend auto do
how does auto decide
who decides what runs where
""")

# ------------------------------------------------------------ other topics

_fact("speculative", "speculative decoding",
"""**Speculative decoding** lets a small draft block, called MTP, guess coming tokens; the model then checks several at once. Right guesses save time, wrong ones are thrown away.""",
"""
what is speculative decoding
explain speculative decoding
speculative decoding
speculative
mtp
what is mtp
mtp file
what is the mtp file
what is the mtp block for
multi token prediction
draft
draft model
draft block
what is a draft
draft tokens
what are draft tokens
are drafts checked
who checks the drafts
accepted drafts
what does accepted mean for drafts
guess tokens in advance
guess several tokens at once
can it guess several tokens at once
check several tokens at once
several tokens in one step
more than one token in one step
can it write more than one token in one step
wrong guesses
what about wrong guesses of tokens
does guessing change the answer
turn on speculative decoding
how many drafts are accepted
speculation with a draft model
does speculation pay
""")

_fact("dsml", "dsml calls",
"""A **tool call** lets the model ask the program to do something, such as read a clock. It writes the call in **DSML**, a tagged text; the program runs it and returns the result.""",
"""
what is dsml
explain dsml
dsml
dsml tags
can the model use tools
how does the model call a tool
call a function
function calling
function call
does it do function calling
can the model call functions
can it run functions
who runs a tool call
result of a tool call
where does the result of a tool go
can it do something in my computer by itself
how does the model ask the program to do something
what does dsml mean
what does dsml stand for
dsml format
dsml text
how does a dsml call look
in which format are tool calls written
format of tool calls
which tags does a tool call use
tags of a tool call
tagged text for calls
how are calls written by the model
how does the model write a call
what does the model write to call a function
functions and dsml
are function calls supported
call functions from the model
""")

_fact("topic_experts", "topic experts",
"""Some experts are used more for one kind of text, such as code or numbers. The link is real but loose: nobody assigned topics, they came from training.""",
"""
what are topic experts
do experts have topics
topic experts
topics of experts
expert topics
is there an expert for code
is there a code expert
is there an expert for math
is there a math expert
an expert for each topic
does each expert have a topic
does each expert know one subject
subject of an expert
do experts have subjects
what does each expert know
what is an expert good at
are experts good at one subject
do experts specialise
specialised experts
are experts specialised
specialise in a topic
who assigned topics to experts
who assigned the subjects
why are other experts used for code
other experts light up for code
why do the same experts light up for numbers
why do some experts light up for one kind of text
one kind of text uses the same experts
link between topic and expert
link between text and experts
why is one expert used more
are some experts used more than others
""")

_fact("split_machines", "several machines",
"""A model bigger than one machine can be **split by layers**: each machine holds a range of layers with its experts and cache, and passes the token's state on to the next.""",
"""
can several machines work together
several machines
several computers
two machines
two computers
can i use two computers
can i use two machines together
use several computers together
can several computers share a model
split over machines
split the model over two machines
split over several computers
how is a model split over machines
split by layers
range of layers
what is a layer range
layer ranges
which machine holds which layers
each machine holds some layers
cluster
can i run it on a cluster
mpi
does it use mpi
over the network
run over the network with several machines
connect two machines
connect two computers to run the model
can i connect my computers
bigger than one machine
too big for one machine
too big for one computer
what goes over the network between machines
""")
