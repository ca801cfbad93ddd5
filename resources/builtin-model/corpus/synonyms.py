# SPDX-License-Identifier: MIT
"""Other words for the words of a question, and keyword queries made from the wordings of a fact.

swap(rng, text, share) -> the text with some words replaced by others of their group.
Keywords(facts).query(rng, index) -> one to three words that point at the fact, as people type them into a search box; or None.
Both only use the table below and the phrases they are given (training phrases).
"""
import collections
import re

# One group a line: words that can stand for each other in questions about the program. A group that begins with ">" is one-way: its first
# word may become any of the others, but not the other way round.
_TABLE = """
fast|quick|speedy|rapid|swift
quickly|fast|rapidly|in no time|speedily
slow|sluggish|lagging|laggy|crawling|slowly
slowly|sluggishly|at a crawl|slow
speed|pace|rate|velocity|throughput
delay|lag|latency|pause|wait
wait|delay|pause|hold up
waiting|idling|stuck|hanging
memory|ram|main memory|system memory
disk|drive|hard drive|hard disk|storage|ssd
ssd|nvme|solid state drive|flash drive|disk
folder|directory|path
folders|directories|paths
where|in which place|in what place
stored|kept|saved|held|put
saved|stored|kept|written
store|keep|save|hold
keep|retain|hold on to|preserve|hold
save|store|keep|preserve
delete|remove|erase|get rid of|wipe|throw away|drop|trash|discard
deleted|removed|erased|wiped|thrown away|discarded|dropped
remove|delete|erase|take away|get rid of
undo|revert|take back|roll back
restore|recover|bring back|get back
lost|gone|missing|vanished|disappeared
disappear|vanish|go away|get lost
chat|conversation|dialogue|session|discussion
chats|conversations|dialogues|sessions|talks
conversation|chat|dialogue|talk|session
conversations|chats|dialogues|sessions
session|chat|conversation
sessions|chats|conversations
message|post|entry|turn
messages|posts|entries|turns
reply|answer|response|output
replies|answers|responses
answer|reply|response
answers|replies|responses
answering|replying|responding
prompt|question|input|request
question|query|request|prompt
text|words|writing
picture|image|drawing
chart|graph|plot|diagram|curve
graph|chart|plot|diagram
big|large|huge|enormous|massive
bigger|larger|greater|huger
large|big|huge|massive
small|little|tiny|compact|mini
smaller|littler|tinier|more compact
tiny|small|little|mini|miniature
start|begin|launch|fire up|kick off
starts|begins|launches
starting|beginning|launching
stop|halt|end|abort|interrupt|cease|quit
stopped|halted|ended|aborted|interrupted
cancel|abort|stop|call off|break off|interrupt
continue|go on|carry on|proceed|keep going
open|launch|load|bring up
close|shut|exit|quit
show|display|present|reveal|list
shows|displays|presents|reveals
shown|displayed|presented|visible
see|view|look at|watch|inspect
find|locate|look up|spot|discover
search|look up|find|hunt|seek
look|peek|glance
hide|collapse|fold away|conceal
hidden|collapsed|folded away|invisible
explain|describe|clarify|define|elaborate
mean|stand for|signify|denote|indicate|say
means|stands for|signifies|denotes|indicates
meaning|sense|definition|significance
purpose|point|use|goal|aim|function
use|employ|utilise|apply|work with
used|employed|utilised|applied
using|with|by means of
choose|pick|select|decide on
chosen|picked|selected
pick|choose|select
picked|chosen|selected
selected|chosen|picked|marked
change|alter|modify|adjust|set|switch|edit
changed|altered|modified|adjusted
edit|change|rewrite|correct|fix|revise|modify
fix|repair|solve|correct|mend
create|make|generate|produce|build
make|create|produce
made|created|produced|built
need|require|want|call for
needed|required|necessary
needs|requires|wants|takes
required|needed|necessary|mandatory
allowed|permitted|possible
get|obtain|fetch|acquire
fetch|get|load|pull|retrieve
download|fetch|get from the web|pull
downloaded|fetched|pulled
computer|machine|pc|laptop|workstation|box
machine|computer|pc|device|box
machines|computers|pcs|devices|boxes
laptop|notebook|computer
program|app|application|software|tool
app|program|application|software
application|program|app
screen|display|monitor
window|screen|view
pane|panel|area|section|part
panel|pane|section|box
tab|page|panel
button|knob|icon|control
click|press|tap|hit
press|hit|push|tap
key|shortcut|hotkey|keystroke|button
keys|hotkeys|shortcuts|keystrokes
shortcut|hotkey|key combination|key combo|keybinding
shortcuts|hotkeys|keybindings|key combinations|keyboard commands
keyboard|keys
mouse|pointer|cursor
colour|color|shade|hue|tint
colours|colors|shades|hues
dark|black|night
light|bright|white|day
font|letter|text|type
letters|characters|glyphs
size|dimensions|footprint|volume
limit|cap|maximum|ceiling|restriction|bound
maximum|max|upper limit|most
minimum|min|least|lower limit
most|maximum|biggest
amount|quantity|number
number|count|amount|figure|quantity
numbers|figures|digits|values
count|number|tally
percent|percentage|share
percentage|percent|share|fraction
share|part|portion|fraction
part|piece|portion|section|component
parts|pieces|portions|components
piece|part|bit|chunk|fragment
pieces|parts|bits|chunks|fragments
split|divide|cut|break up|partition
divided|split|cut|partitioned
combine|join|merge|put together
joined|merged|combined|glued
joins|merges|combines|glues
same|identical|equal
different|other|distinct|unlike
difference|distinction|contrast
similar|alike|comparable
compare|contrast|match
exact|precise|accurate|bit exact
exactly|precisely
random|by chance|accidental|arbitrary
randomness|chance|luck|variation
likely|probable
unlikely|improbable
probability|likelihood|chance|odds|percentage
probabilities|likelihoods|chances|odds
sure|certain|confident
unsure|uncertain|doubtful|hesitant
guess|predict|estimate|bet
guesses|predictions|estimates
prediction|guess|forecast|estimate
important|essential|crucial|key
useful|helpful|handy|good
good|useful|fine|nice
better|superior|nicer
best|top|strongest|finest
worst|poorest
wrong|incorrect|false|broken|faulty
error|mistake|fault|problem
problem|issue|trouble|error
crash|breakdown|failure|freeze
crashed|died|failed|broke down|froze
broken|damaged|faulty|corrupt
internet|network|web|net|wifi|online connection
online|connected|on the web
offline|without internet|disconnected|without a network|no wifi
private|secret|confidential|personal
privacy|secrecy|confidentiality|data protection
secret|private|confidential
spy|snoop|track|watch me
tracking|spying|telemetry|snooping|monitoring
safe|secure|protected
cost|price|expense
costs|takes|is the price of
price|cost|expense|estimate
free|gratis|without charge|at no cost
buy|purchase|pay for
license|licence
processor|cpu|chip
processors|cpus|chips
cpu|processor|chip
gpu|graphics card|video card|graphics processor|graphics chip
graphics|video|gpu
cores|threads|processors
parallel|at the same time|simultaneously|concurrently
simultaneously|at once|in parallel|at the same time
once|in one go|a single time
twice|two times|again
again|once more|anew|another time
often|frequently|many times|regularly
frequently|often|a lot
seldom|rarely|hardly ever
always|every time|constantly|forever
never|at no time|not ever
sometimes|now and then|occasionally
first|initial|opening|very first
last|final|latest|most recent
previous|earlier|former|past|prior
earlier|previous|past|before
old|earlier|former|past|previous|ancient
older|earlier|more distant
new|fresh|another|brand new
recent|latest|last|newest
next|following|coming|upcoming
current|present|this
automatic|by itself|on its own|automatically
automatically|by itself|on its own|without asking
manually|by hand|myself
live|in real time|as it happens
instantly|at once|immediately|right away
immediately|at once|instantly|right away
whole|entire|complete|full
complete|full|whole|entire
full|filled up|exhausted|no room left
empty|blank|hollow|void
half|partly|semi
round|circular
circle|dot|disc|ring|bullet
dot|circle|spot|point
badge|marker|symbol|icon|indicator
symbol|sign|icon|mark
icon|symbol|sign|picture
mark|sign|label|flag
marks|signs|labels|flags
tag|label|keyword|category
tags|labels|keywords|categories
label|tag|name
title|name|heading|caption
rename|give a new name|change the name of|retitle
name|call|title
list|overview|index|table
top|upper end|head
bottom|lower end|foot
middle|centre|center
left|left hand
right|right hand
corner|edge
beside|next to|near|by
upper|top|higher
lower|bottom
above|over
below|under|beneath
line|row|strip
row|line|record
rows|lines|records
column|stripe
cell|square|field|tile|box
grid|matrix|raster|table
copy|duplicate|clone
duplicate|copy|clone
paste|insert|put in
clipboard|copy buffer
import|bring in|load|read in
export|save out|write out|take out
backup|safety copy|save copy
move|transfer|shift|bring
transfer|move|carry over
send|submit|post|dispatch
sent|submitted|posted|transmitted
receive|get|obtain
upload|send out|transmit
share|pass on|give
attach|add|enclose|upload|append
attachment|attached file|enclosure
file|document|text file
files|documents
type|write|enter|key in
typing|writing|entering
write|type|compose|print
writes|types|prints|composes
writing|typing|generating
written|typed|generated|printed
read|scan|go through|take in
reads|scans|goes through|takes in
reading|scanning|going through
think|reason|ponder|reflect|brood
thinks|reasons|ponders|reflects
thinking|reasoning|pondering|reflection|thoughts
thoughts|reasoning|thinking|musings|inner monologue
thought|reasoning|reflection
reasoning|thinking|thoughts|chain of thought
clever|smart|intelligent|bright
smart|clever|intelligent|bright
stupid|dumb|not clever|silly
know|understand|be aware of
remember|recall|retain|keep in mind
forget|lose|not remember
forgotten|dropped|lost|not remembered
learn|study|pick up
learned|trained|picked up|acquired
teach|train|instruct
understand|grasp|get|follow
calculate|compute|work out|reckon
compute|calculate|work out
calculation|sum|computation
computed|calculated|worked out
maths|arithmetic|math|sums
language model|llm|ai|neural network|model
ai|artificial intelligence|language model
network|net
neural network|network|neural net
chip|processor
expert|specialist|sub network
experts|specialists|sub networks
layer|level|stage|stack level
layers|levels|stages|floors
depth|number of layers
weights|parameters|model file
parameters|weights
vector|list of numbers|array
matrix|table of numbers
score|rating|mark|value
scores|ratings|marks|values
raw|unprocessed|plain
value|number
position|place|location|spot
place|position|location|spot
order|sequence|succession
sequence|series|order|run
group|bundle|batch|set
groups|bundles|batches|sets
grouped|bundled|batched
batch|group|bundle|chunk
chunk|batch|block|portion|piece
chunks|batches|blocks|portions
block|chunk|section|unit
blocks|chunks|sections
range|span|stretch
level|layer|degree
bits|binary digits
byte|octet
precision|accuracy|exactness
quality|goodness|fidelity
compress|shrink|squeeze|pack|make smaller
compressed|shrunk|squeezed|packed|condensed
compression|shrinking|packing
summary|digest|condensation
summaries|digests|condensed notes
shrink|make smaller|reduce|compress
reduce|lower|cut|shrink|decrease
reduced|lowered|cut|shrunk
increase|raise|boost|grow
raise|increase|lift
lower|reduce|decrease|turn down
grow|increase|get bigger|expand
grows|increases|gets bigger|gets longer
long|lengthy|extended
longer|lengthier
short|brief|concise
length|size|extent
window of|span of
far|distant|remote
near|close|nearby
skip|leave out|omit|pass over
omitted|left out|skipped|dropped
unused|idle|not used|spare
idle|unused|resting|doing nothing
busy|occupied|working|loaded
active|running|working|at work
activate|turn on|enable|switch on
enable|turn on|activate|switch on
disable|turn off|deactivate|switch off
adjust|tune|set|tweak
setting|option|preference|parameter|knob
settings|options|preferences|configuration|config
preferences|settings|options
configuration|settings|config|setup
option|setting|choice
options|choices|settings
default|standard|preset|out of the box
installed|set up
install|set up|put on
setup|installation|wizard
update|upgrade|new version
upgrade|update|newer version
version|release|edition
versions|releases|editions|variants
variant|version|alternative
alternative|other option|other choice
alternatives|other candidates|other options|other choices
candidates|options|contenders|alternatives
test|check|trial|verify
tests|checks|test suite
check|verify|test|control
verify|check|confirm|validate
debug|troubleshoot|find the fault in
compile|build|make
build|compile|make
source|code|source code
developer|programmer|coder|engineer
developers|programmers|coders|engineers
programmer|developer|coder
code|source|program text
command line|terminal|shell|console|cli
terminal|console|shell|command line|command prompt
console|terminal|shell
command|instruction|order
gui|desktop window|graphical interface
interface|front end|ui
server|service|daemon|endpoint
address|url|endpoint|host and port
client|caller|consumer
request|call|query
requests|calls|queries
password|key|secret|token
account|login|registration|sign up
login|sign in|log on|account
register|sign up|enrol
blind|visually impaired|without sight|cannot see
disabled|handicapped|impaired
accessible|usable
people|persons|users|folks
user|person|operator
users|people|persons
lawyer|attorney|solicitor
doctor|physician|medic
tokens|word pieces
word|term
words|terms
meter|gauge|figure|counter|indicator
figure|number|value|reading
figures|numbers|values|statistics
statistics|figures|numbers|stats
measure|gauge|time
time|duration|how long
duration|time|length
seconds|secs
minutes|mins
many|lots of|a lot of|plenty of
few|a handful of|not many
enough|sufficient|adequate
extra|additional|more
additional|extra|further
main|chief|principal|central
inside|within|in
outside|beyond|out of
between|among
during|while|in the course of
without|lacking|minus
possible|feasible|doable
impossible|not possible|not feasible
happen|occur|take place|go on
happens|occurs|takes place|goes on
happened|occurred|took place
depend|rely|hinge
decide|determine|choose
decides|determines|chooses
reason|cause|why
cause|reason|trigger
effect|result|consequence|impact
result|outcome|output
results|outcomes|outputs
begin|start|commence
beginning|start|opening|prefix
prefix|beginning|start
end|finish|close|conclusion
finished|done|over|complete
done|finished|ready
ready|prepared|done
loading|opening|starting
loaded|opened|in use
load|open|read in|bring in
pinned|fixed|stuck
pin|fix|stick|fasten
fork|branch off|split off
branch|version|variant|path
branches|versions|variants|paths
resume|pick up|continue|go back to|reopen
repeat|redo|do again|rerun
redo|repeat|do again|retry
regenerate|try again|redo|retry|roll again
retry|try again|redo
clock|time|watch
calculator|adding machine|arithmetic tool
device|card|hardware
hardware|equipment|machine
requirements|needs|prerequisites|system requirements
supported|usable|possible|accepted
support|accept|handle|work with
supports|accepts|handles
compatible|usable|interoperable
format|layout|file type
"""
_GROUPS = collections.defaultdict(list)
for _line in _TABLE.strip().splitlines():
    _words = _line.split("|")
    _GROUPS[_words[0]] += [w for w in _words[1:] if w not in _GROUPS[_words[0]]]
_ASKING = set("what where how why when which who is are does do can could should will explain describe tell show i".split())
STOP = set("""the a an is are was were be been am do does did doing done can could should would will may might must of in on at to for from by with about
into onto up out off over than then that this these those there here it its it's i i'm im my me mine we our us you your he she they them their what what's
whats how how's when where where's why which who whom whose and or but if so as not no don't dont doesn't doesnt isn't can't cant cannot have has had having
get gets got give gives tell say says mean means please just now some any all each every one ones thing things something anything way go goes going
make makes made let want wants use used using work works need needs there's that's very much many more most too also still after before while without
between through again back same other another only own old new good see show shows find happens happen explain look looks long know put take takes
kind sort like really exactly starglass model program app""".split())


def swap(rng, text, share=0.3):
    """Replaces words by others of their group, each known word with the probability `share`."""
    def other(m):
        w = m.group(0)
        return rng.choice(_GROUPS[w]) if w in _GROUPS and rng.random() < share else w
    return re.sub(r"(?<![\w`\"./~-])[a-z]+(?![\w`\"./-])", other, text)


_FRAMES = """what is {}|what is the {}|what are {}|what does {} mean|what does {} do|what does the {} do|what does {} stand for|what is {} for
what is the {} for|what is meant by {}|what happens with {}|explain {}|explain the {}|explain {} to a beginner|describe {}|define {}|{} meaning|{} explained
{} definition|{} please|the {}|my {}|about {}|tell me about {}|tell me more about the {}|where is {}|where is the {}|where do i find {}|where can i see {}
where do i see the {}|show me {}|show me the {}|how does {} work|how does the {} work|how do i use {}|how do i get {}|why {}|why is there {}|why the {}
is there {}|is {} possible|can i {}|can it {}|how do i {}|how to {}|how much {}|how many {}|i need {}|i want {}|i see {}|i do not understand {}|help with {}
what about {}|what about the {}|question about {}|something about {}|any {}|which {}|when {}|what if {}|do i need {}|does it have {}|got {}|no {}
i am looking for {}|i am wondering about {}|{} how|{} where|{} why|{} what is that|how {}""".replace("\n", "|").split("|")


def frame(rng, text):
    """Puts a short query into a question; the words of the frame say nothing about the fact."""
    return rng.choice(_FRAMES).format(text) if "{" not in text and text.split() and text.split()[0] not in _ASKING else text


def content(text):
    """The words that carry the meaning, in order."""
    return [w for w in re.findall(r"[a-z0-9][a-z0-9_'/.+-]*", text.lower()) if w.strip("'.") not in STOP]


class Keywords:
    def __init__(self, facts):
        by_word = collections.defaultdict(collections.Counter)
        self.words = []
        for i, f in enumerate(facts):
            mine = collections.Counter(w.strip("'.") for p in f["phrases"] for w in set(content(p)))
            self.words.append(mine)
            for w, n in mine.items():
                by_word[w][i] += n
        short = [{w for p in f["phrases"] if len(p.split()) <= 3 for w in content(p)} for f in facts]
        total = {w: sum(c.values()) for w, c in by_word.items()}
        self.single, self.double = [], []  # words that point at a fact alone; words worth joining with another
        for i, mine in enumerate(self.words):
            self.single.append([w for w, n in mine.items() if len(w) > 1 and n / total[w] >= 0.7 and (n >= 3 or w in short[i])])
            self.double.append([w for w, n in mine.items() if len(w) > 1 and n / total[w] >= 0.25])

    def query(self, rng, index):
        r = rng.random()
        if r < 0.4 and self.single[index]:
            return rng.choice(self.single[index])
        if r < 0.5 and self.single[index] and self.words[index]:
            ws = [rng.choice(self.single[index]), rng.choice(list(self.words[index]))]
        elif len(self.double[index]) >= 3:
            ws = rng.sample(self.double[index], 2 if r < 0.8 else 3)
        else:
            return None
        rng.shuffle(ws)
        return " ".join(dict.fromkeys(ws))
