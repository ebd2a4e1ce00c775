// Three small lists to begin with, written for this page. Each stands in the order of a search by words alone: what shares
// words with the query comes first, what answers it does not.

export const EXAMPLES = [
  {
    kind: 'A question',
    query: 'why does bread dough collapse in the oven',
    point: 'The answer says neither “collapse” nor “oven”. Does it rise?',
    documents: [
      { id: 'oven-door', title: 'A collapsed oven door', text: 'When the door of an oven collapses, its hinge is usually worn. Bread dough is not the cause, even if a tray once hit the door. Order the hinge by the number on the back of the oven.' },
      { id: 'dough-in-oven', title: 'Proofing bread dough in the oven', text: 'An oven with only its light on is a warm place for bread dough. Put a bowl of hot water beside the dough. Take it out before you heat the oven.' },
      { id: 'bakery-collapse', text: 'The oven of the town bakery stood cold for a week after the collapse of its chimney. Bread came from the next village. The dough machine was not damaged.' },
      { id: 'freeze', title: 'Freezing dough', text: 'Dough keeps in the freezer for a month. Shape it first, then freeze it on a tray. Thaw it overnight in the fridge and bake it as usual.' },
      { id: 'crust', title: 'A crisp crust', text: 'Steam in the first minutes keeps the surface of the loaf soft, so that it can stretch. Later the oven must be dry. A loaf that is done sounds hollow when you knock on it.' },
      { id: 'flour', title: 'Which flour for bread', text: 'Bread flour has more protein than cake flour. More protein makes a stronger net of gluten, which holds the gas of the yeast. Weak flour gives flat loaves.' },
      { id: 'overproofed', title: 'Left to rise too long', text: 'Set a timer when you shape the loaf. If it rises too long, the bubbles grow too large, the gluten around them tears, and the loaf falls flat as soon as it is baked. Press it with a finger: a dent that stays means that it waited too long.' },
      { id: 'salt', title: 'Salt', text: 'Salt tightens gluten and slows yeast. Without it dough rises fast and tears easily. Two grams for a hundred grams of flour are usual.' },
    ],
  },
  {
    kind: 'A search by a developer',
    query: 'undo last git commit but keep my changes',
    point: 'Six answers about undoing, one for this case.',
    documents: [
      { id: 'changes-file', title: 'Undo changes in a file', text: 'To undo your last changes in a file that was not committed, run git restore with its name. The changes are gone for good: git does not keep them. Commit first if you are not sure.' },
      { id: 'amend', title: 'Change the last commit', text: 'git commit --amend replaces the last commit by a new one. It adds what is staged and lets you write the message again. Do not amend a commit that others have.' },
      { id: 'hard', title: 'Throw a commit away', text: 'git reset --hard HEAD~1 removes the last commit and all of its changes from your folder. There is no question before it does. Only the reflog can bring the commit back.' },
      { id: 'stash', title: 'Put changes aside', text: 'git stash keeps your changes in a drawer and gives you a clean folder. git stash pop brings them back. A stash is not a commit and belongs to no branch.' },
      { id: 'log', title: 'Find a commit', text: 'git log lists commits, the last one first. Add a file name to see only commits that touch it. With -p it shows the changes of each.' },
      { id: 'soft', title: 'Soft reset', text: 'A reset comes in three strengths. With git reset --soft HEAD~1 the branch goes back by one commit, while your files stay exactly as they are and everything in it is staged again. You can then edit and commit anew.' },
      { id: 'revert', title: 'Revert', text: 'git revert makes a new commit that takes back what an older one did. History stays as it was, so that it is safe on a shared branch. The changes themselves disappear from your files.' },
    ],
  },
  {
    kind: 'A shop',
    query: 'quiet keyboard for an open office',
    point: 'The word “quiet” misleads. Take out a sentence and see what the score hangs on.',
    documents: [
      { id: 'K-210', title: 'Open Office shortcut keyboard', text: 'A keyboard with printed shortcuts for the Open Office programs. Quiet colors on the keys make the shortcuts easy to read. Loud clicking switches tell you that a key was pressed.' },
      { id: 'S-031', title: 'Keyboard stand', text: 'Lifts your keyboard by five centimeters. Folds flat for the office bag. Rubber feet, steel frame.' },
      { id: 'P-118', title: 'Digital stage piano', text: 'A keyboard with 88 weighted keys and a quiet pedal. Headphones let you practice while others work. The case opens to both sides.' },
      { id: 'M-502', title: 'Silent mouse', text: 'A mouse whose buttons make nearly no sound. It suits shared rooms and late hours. One battery lasts a year.' },
      { id: 'K-377', title: 'Studio 75', text: 'Aluminum case, hot-swap sockets, knob for the volume. The switches are damped with silicone, so that colleagues at the next desk will hardly hear you type. Wireless and cable.' },
      { id: 'K-400', title: 'Clicker Pro', text: 'A mechanical keyboard for people who want to be heard. Each key clicks at 70 decibels. Not for shared rooms.' },
      { id: 'H-090', title: 'Office headphones', text: 'They take out the noise of an open office so that you can work in quiet. Thirty hours with one charge. The microphone folds away.' },
      { id: 'K-350', title: 'Membrane 104', text: 'A plain full-size keyboard with soft membrane keys. Typing makes little noise. It is washable and cheap.' },
    ],
  },
];
