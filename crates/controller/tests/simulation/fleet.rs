//! What Git declares: five folders of small objects, changed commit by commit.

use super::ledger::Place;
use crate::tests::world::{NAMESPACE, map};
use fastrand::Rng;
use std::collections::{BTreeMap, BTreeSet};
use trueup_object::{GroupVersionKind, ObjectRef, Value, value};

/// The namespace in which the tenant may do something.
pub const TENANTS: &str = "tenants";
/// An object that the tenant declares at times and has no right to.
pub const ESCAPE: &str = "tenant-escape";
/// The object that another manager fights over; Git never changes it.
pub const ARENA: &str = "base-arena";
/// The value of its field `k0`, as of all objects that were never changed.
pub const PEACE: &str = "peace";

/// A folder, and the Kustomization of its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Folder {
    /// Holds the definition of gadgets, at times, and some of them.
    Base,
    /// Holds gadgets, whether they are defined or not.
    Apps,
    /// Is applied as an account that may write to one namespace only.
    Tenant,
    /// Is applied to the other cluster.
    Far,
    /// Depends on `Apps` and `Tenant`.
    Top,
}

impl Folder {
    pub const ALL: [Self; 5] = [Self::Base, Self::Apps, Self::Tenant, Self::Far, Self::Top];

    pub fn name(self) -> &'static str {
        match self {
            Self::Base => "base",
            Self::Apps => "apps",
            Self::Tenant => "tenant",
            Self::Far => "far",
            Self::Top => "top",
        }
    }

    /// Where its objects are.
    pub fn namespace(self) -> &'static str {
        if self == Self::Tenant {
            TENANTS
        } else {
            "apps"
        }
    }

    pub fn place(self) -> Place {
        if self == Self::Far {
            Place::Far
        } else {
            Place::Near
        }
    }

    fn has_gadgets(self) -> bool {
        matches!(self, Self::Base | Self::Apps)
    }
}

/// What kind of object is declared; names begin with the folder in which an
/// object was first declared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    Map,
    Gadget,
}

impl Kind {
    /// By the letter behind the folder in a name.
    fn of(name: &str) -> Self {
        if name.contains("-g") {
            Self::Gadget
        } else {
            Self::Map
        }
    }

    pub fn group_version_kind(self) -> GroupVersionKind {
        match self {
            Self::Map => GroupVersionKind::new("v1", "ConfigMap"),
            Self::Gadget => GroupVersionKind::new("example.com/v1", "Gadget"),
        }
    }

    /// The field that holds what Git says.
    pub fn fields(self) -> &'static str {
        match self {
            Self::Map => "data",
            Self::Gadget => "spec",
        }
    }

    fn id(self, namespace: &str, name: &str) -> String {
        let kind = self.group_version_kind();
        format!("{namespace}_{name}_{}_{}", kind.group, kind.kind)
    }
}

/// An object's own part: what its field holds.
pub type Fields = BTreeMap<String, String>;

/// The name of the definition of gadgets.
pub const DEFINITION: &str = "gadgets.example.com";

/// Everything that is declared now, and what was once.
#[derive(Debug)]
pub struct Fleet {
    pub folders: BTreeMap<Folder, BTreeMap<String, Fields>>,
    /// Whether the definition of gadgets is declared.
    pub is_defined: bool,
    /// Whether the tenant declares what it has no right to.
    pub escapes: bool,
    pub commits: u32,
    /// All objects that ever were declared, by place.
    pub known: BTreeSet<(Place, String)>,
    /// Those that left a folder once, for good or for another.
    pub left: BTreeSet<(Place, String)>,
    /// Those that left a certain folder once.
    pub left_folder: BTreeSet<(Folder, String)>,
    retired: BTreeMap<Folder, BTreeSet<String>>,
    /// The ids of all objects that a folder ever declared.
    declared: BTreeMap<Folder, BTreeSet<String>>,
    /// The files of a folder, by number of the commit.
    past: BTreeMap<(Folder, u32), Vec<(String, String)>>,
}

impl Fleet {
    pub fn new() -> Self {
        let mut folders: BTreeMap<Folder, BTreeMap<String, Fields>> =
            Folder::ALL.map(|folder| (folder, BTreeMap::new())).into();
        let arena = Fields::from([("k0".to_owned(), PEACE.to_owned())]);
        folders
            .entry(Folder::Base)
            .or_default()
            .insert(ARENA.to_owned(), arena);
        Self {
            folders,
            is_defined: false,
            escapes: false,
            commits: 0,
            known: BTreeSet::from([(Place::Near, ARENA.to_owned())]),
            left: BTreeSet::new(),
            left_folder: BTreeSet::new(),
            retired: BTreeMap::new(),
            declared: BTreeMap::from([(
                Folder::Base,
                BTreeSet::from([
                    Kind::Map.id(Folder::Base.namespace(), ARENA),
                    definition_id(),
                ]),
            )]),
            past: BTreeMap::new(),
        }
    }

    /// Makes the next commit's changes; says which.
    pub fn change(&mut self, random: &mut Rng) -> String {
        self.commits += 1;
        let mut told = Vec::new();
        for folder in Folder::ALL {
            if random.u8(0..3) > 0 {
                told.extend(self.change_folder(folder, random));
            }
        }
        if random.u8(0..4) == 0 {
            told.extend(self.move_one(random));
        }
        told.join(" ")
    }

    fn change_folder(&mut self, folder: Folder, random: &mut Rng) -> Option<String> {
        let objects = self.folders.get(&folder)?;
        let names: Vec<String> = objects.keys().filter(|it| *it != ARENA).cloned().collect();
        match (random.u8(0..5), random.choice(names)) {
            (0, Some(name)) => {
                self.remove(folder, &name);
                Some(format!("-{name}"))
            }
            (1..=2, Some(name)) => {
                let text = format!("v{}", self.commits);
                let fields = self.folders.get_mut(&folder)?.get_mut(&name)?;
                match random.u8(0..4) {
                    key @ 1..=2 if fields.contains_key(&format!("k{key}")) && random.bool() => {
                        fields.remove(&format!("k{key}"));
                    }
                    key => {
                        fields.insert(format!("k{}", key % 3), text);
                    }
                }
                Some(format!("~{name}"))
            }
            _ => Some(self.add(folder, random)),
        }
    }

    /// Declares a new object, or one that was declared before.
    fn add(&mut self, folder: Folder, random: &mut Rng) -> String {
        let again = self.retired.entry(folder).or_default();
        let again = random.choice(again.iter().cloned().collect::<Vec<_>>());
        let name = match again.filter(|_| random.u8(0..3) == 0) {
            Some(name) => name,
            None => {
                let letter = if folder.has_gadgets() && random.u8(0..3) == 0 {
                    'g'
                } else {
                    'm'
                };
                format!("{}-{letter}{}", folder.name(), random.u32(..))
            }
        };
        let fields = Fields::from([("k0".to_owned(), format!("v{}", self.commits))]);
        self.put(folder, &name, fields);
        format!("+{name}")
    }

    fn put(&mut self, folder: Folder, name: &str, fields: Fields) {
        self.retired.entry(folder).or_default().remove(name);
        self.known.insert((folder.place(), name.to_owned()));
        let id = Kind::of(name).id(folder.namespace(), name);
        self.declared.entry(folder).or_default().insert(id);
        let objects = self.folders.entry(folder).or_default();
        objects.insert(name.to_owned(), fields);
    }

    fn remove(&mut self, folder: Folder, name: &str) -> Option<Fields> {
        let fields = self.folders.get_mut(&folder)?.remove(name)?;
        self.left.insert((folder.place(), name.to_owned()));
        self.left_folder.insert((folder, name.to_owned()));
        let retired = self.retired.entry(folder).or_default();
        retired.insert(name.to_owned());
        Some(fields)
    }

    /// One commit moves an object from one Kustomization to another.
    fn move_one(&mut self, random: &mut Rng) -> Option<String> {
        let (from, to) = match random.u8(0..4) {
            0 => (Folder::Base, Folder::Apps),
            1 => (Folder::Apps, Folder::Base),
            2 => (Folder::Base, Folder::Top),
            _ => (Folder::Top, Folder::Apps),
        };
        let names = self.folders.get(&from)?.keys();
        let names = names.filter(|it| *it != ARENA && Kind::of(it) == Kind::Map);
        let name = random.choice(names.cloned().collect::<Vec<_>>())?;
        let fields = self.remove(from, &name)?;
        self.retired.entry(from).or_default().remove(&name);
        self.put(to, &name, fields);
        Some(format!("{name}:{}→{}", from.name(), to.name()))
    }

    /// Takes the definition of gadgets away, with all of them.
    pub fn undefine(&mut self) {
        self.is_defined = false;
        self.left.insert((Place::Near, DEFINITION.to_owned()));
        for folder in Folder::ALL {
            let names: Vec<String> = self.folders[&folder].keys().cloned().collect();
            for name in names.iter().filter(|it| Kind::of(it) == Kind::Gadget) {
                self.remove(folder, name);
            }
        }
    }

    /// The definition is declared from the next commit on.
    pub fn define(&mut self) {
        self.is_defined = true;
        self.known.insert((Place::Near, DEFINITION.to_owned()));
    }

    /// The files of a commit.
    pub fn files(&self) -> Vec<(String, String)> {
        let mut files = Vec::new();
        for (folder, objects) in &self.folders {
            files.push((format!("{}/readme.txt", folder.name()), String::new()));
            for (name, fields) in objects {
                let path = format!("{}/{name}.yaml", folder.name());
                files.push((path, manifest(*folder, name, fields)));
            }
        }
        if self.is_defined {
            let text = trueup_object::to_yaml(&definition());
            files.push(("base/definition.yaml".to_owned(), text));
        }
        if self.escapes {
            files.push(("tenant/escape.yaml".to_owned(), map(ESCAPE, &[("k0", "x")])));
        }
        files
    }

    /// The entries that the inventory of a folder has when all is done.
    pub fn inventory(&self, folder: Folder) -> BTreeSet<String> {
        let names = self.folders[&folder].keys();
        let mut ids: BTreeSet<String> = names
            .map(|name| Kind::of(name).id(folder.namespace(), name))
            .collect();
        if folder == Folder::Base && self.is_defined {
            ids.insert(definition_id());
        }
        ids
    }

    /// Whether a folder ever declared an object, by its id in an inventory.
    pub fn ever_declared(&self, folder: Folder, id: &str) -> bool {
        self.declared
            .get(&folder)
            .is_some_and(|ids| ids.contains(id))
    }

    /// Keeps what the present commit holds.
    pub fn note_commit(&mut self) {
        let files = self.files();
        for folder in Folder::ALL {
            let start = format!("{}/", folder.name());
            let own = files.iter().filter(|(path, _)| path.starts_with(&start));
            let own = own.cloned().collect();
            self.past.insert((folder, self.commits), own);
        }
    }

    /// Whether a folder as of one commit is what it was as of another one, or
    /// of any after that.
    pub fn is_recent(&self, folder: Folder, commit: u32, wanted: u32) -> bool {
        let held = self.past.get(&(folder, commit));
        let later = self.past.range((folder, wanted)..=(folder, u32::MAX));
        held.is_some() && (commit >= wanted || later.map(|it| it.1).any(|it| Some(it) == held))
    }

    /// Whether a folder has declared an object ever since it did so first.
    pub fn always_declared(&self, folder: Folder, name: &str) -> bool {
        self.folders[&folder].contains_key(name)
            && !self.left_folder.contains(&(folder, name.to_owned()))
    }

    /// All that a place should hold of a kind: name → folder and fields.
    pub fn wanted(&self, place: Place, kind: Kind) -> BTreeMap<&str, (Folder, &Fields)> {
        let folders = self.folders.iter();
        let here = folders.filter(|(folder, _)| folder.place() == place);
        here.flat_map(|(folder, objects)| {
            let of_kind = objects.iter().filter(|(name, _)| Kind::of(name) == kind);
            of_kind.map(|(name, fields)| (name.as_str(), (*folder, fields)))
        })
        .collect()
    }
}

fn definition_id() -> String {
    format!("_{DEFINITION}_apiextensions.k8s.io_CustomResourceDefinition")
}

/// The id of a live object in an inventory.
pub fn id_of(reference: &ObjectRef) -> String {
    trueup_kinds::object_id(reference).to_string()
}

fn manifest(folder: Folder, name: &str, fields: &Fields) -> String {
    let kind = Kind::of(name);
    let gvk = kind.group_version_kind();
    let mut object = value!({
        "apiVersion": (gvk.api_version()), "kind": (gvk.kind.clone()),
        "metadata": {"name": name, "namespace": (folder.namespace())},
    });
    for (key, text) in fields {
        object.set_at(&[kind.fields(), key], text.as_str().into());
    }
    trueup_object::to_yaml(&object)
}

fn definition() -> Value {
    value!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": DEFINITION},
        "spec": {"group": "example.com", "scope": "Namespaced",
            "names": {"kind": "Gadget", "listKind": "GadgetList", "plural": "gadgets", "singular": "gadget"},
            "versions": [{"name": "v1", "served": true, "storage": true,
                "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}}}]}})
}

/// The entry `kustomization` of a Kustomization: its specification beyond what
/// all have.
pub fn specification(folder: Folder, traits: &Traits) -> Value {
    let mut spec = value!({"interval": "3m"});
    match folder {
        Folder::Base => spec.set_at(&["wait"], true.into()),
        Folder::Tenant => spec.set_at(&["serviceAccountName"], "tenant".into()),
        Folder::Apps | Folder::Far | Folder::Top => {}
    }
    if folder == Folder::Far {
        spec.set_at(&["kubeConfig", "secretRef", "name"], "far".into());
        if traits.far_is_tenant {
            spec.set_at(&["serviceAccountName"], "guest".into());
        }
    }
    let depends_on = traits.dependencies(folder);
    if !depends_on.is_empty() {
        let list: Value = depends_on
            .iter()
            .map(|it| value!({"name": (it.name())}))
            .collect();
        spec.set_at(&["dependsOn"], list);
    }
    spec
}

/// The account of a name, as the API calls it.
pub fn account_name(name: &str) -> String {
    format!("system:serviceaccount:{NAMESPACE}:{name}")
}

/// What differs from schedule to schedule.
#[derive(Clone, Copy, Debug)]
pub struct Traits {
    pub apps_wait: bool,
    pub far_waits: bool,
    /// What is applied to the other cluster is applied as an account there.
    pub far_is_tenant: bool,
    /// Leases as long as Flux's, rather than a few seconds.
    pub long_leases: bool,
}

impl Traits {
    pub fn draw(random: &mut Rng) -> Self {
        Self {
            apps_wait: random.bool(),
            far_waits: random.bool(),
            far_is_tenant: random.bool(),
            long_leases: random.u8(0..3) == 0,
        }
    }

    /// What a folder depends on.
    pub fn dependencies(&self, folder: Folder) -> &'static [Folder] {
        match folder {
            Folder::Apps if self.apps_wait => &[Folder::Base],
            Folder::Far if self.far_waits => &[Folder::Base],
            Folder::Top => &[Folder::Apps, Folder::Tenant],
            _ => &[],
        }
    }

    /// Whom the objects of a folder are written as.
    pub fn account(&self, folder: Folder) -> Option<String> {
        match folder {
            Folder::Tenant => Some(account_name("tenant")),
            Folder::Far if self.far_is_tenant => Some(account_name("guest")),
            _ => None,
        }
    }
}
