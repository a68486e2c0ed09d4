//! Going through the nodes.

use super::frame::{Frame, FrameKind, Items, Loop, Variable};
use super::{Executed, Execution, Slot, over_limit, quoted};
use crate::error::Cause;
use crate::parse::{Branch, Call, Keyword, Node, NodeRef, Tree};
use crate::print::{print, shown};
use crate::value::Value;

impl<'t> Execution<'t, '_> {
    pub(super) fn run(&mut self, tree: &'t Tree, data: &Value) -> Executed<()> {
        let kept = self.budget.check_depth(data);
        self.limited(kept)?;
        self.open(&tree.nodes, Slot::plain(data.clone()), FrameKind::Root)?;
        while let Some(frame) = self.frames.last_mut() {
            match frame.nodes.get(frame.next) {
                Some(node) => {
                    frame.next += 1;
                    self.step(node)?;
                }
                None => self.end_of_list()?,
            }
        }
        Ok(())
    }

    fn open(&mut self, nodes: &'t [Node], dot: Slot, kind: FrameKind<'t>) -> Executed<()> {
        let kept = self.budget.open_block();
        self.limited(kept)?;
        self.frames.push(Frame {
            nodes,
            next: 0,
            dot,
            kind,
        });
        Ok(())
    }

    /// Closes the innermost list and goes back to what was before it.
    fn close(&mut self) {
        self.budget.open_blocks -= 1;
        match self.frames.pop().map(|frame| frame.kind) {
            Some(FrameKind::Branch { variables } | FrameKind::Otherwise { variables }) => {
                self.variables.truncate(variables);
            }
            Some(FrameKind::Loop(turns)) => self.variables.truncate(turns.variables),
            Some(FrameKind::Called {
                caller,
                node,
                first_variable,
            }) => {
                self.variables.truncate(self.first_variable);
                self.first_variable = first_variable;
                self.tree = caller;
                self.node = node;
                self.depth -= 1;
            }
            Some(FrameKind::Root) | None => {}
        }
    }

    fn dot(&self) -> Slot {
        match self.frames.last() {
            Some(frame) => frame.dot.clone(),
            None => Slot::nothing(),
        }
    }

    fn step(&mut self, node: &'t Node) -> Executed<()> {
        self.spend(1)?;
        match node {
            Node::Text(text) => self.write(|out| out.write(text)),
            Node::Action { position, pipe } => {
                self.at(NodeRef::Action(*position, pipe));
                let value = self.pipeline(&self.dot(), pipe)?;
                if !pipe.variables.is_empty() {
                    return Ok(());
                }
                self.at(NodeRef::Action(*position, pipe));
                self.print(&value.value)
            }
            Node::Branch(branch) if branch.keyword == Keyword::Range => self.begin_loop(branch),
            Node::Branch(branch) => self.begin_branch(branch),
            Node::Break => {
                self.leave_loop();
                Ok(())
            }
            Node::Continue => self.continue_loop(),
            Node::Template(call) => self.call_template(call),
        }
    }

    fn print(&mut self, value: &Value) -> Executed<()> {
        match (value, self.node) {
            (Value::Function(function), Some(node)) => {
                let of = function.signature();
                Err(self.fail(format!("can't print {node} of type {of}")))
            }
            (Value::Nil, _) => self.write(|out| out.write(b"<no value>")),
            _ => self.write(|out| print(out, value)),
        }
    }

    fn write(&mut self, write: impl FnOnce(&mut trueup_gocompat::fmt::Buffer)) -> Executed<()> {
        let before = self.out.len();
        write(&mut self.out);
        if self.out.overflowed() {
            let limit = self.budget.limits.output_bytes;
            return Err(self.fail_because(Cause::Limit, over_limit(limit, "bytes written")));
        }
        let kept = self.budget.spend_bytes(self.out.len() - before);
        self.limited(kept)
    }

    fn begin_branch(&mut self, branch: &'t Branch) -> Executed<()> {
        let variables = self.variables.len();
        let dot = self.dot();
        for arm in &branch.arms {
            self.spend(1)?;
            let value = self.pipeline(&dot, &arm.pipe)?;
            if value.value.is_true() {
                let sets_dot = branch.keyword == Keyword::With;
                let dot = if sets_dot { value } else { dot };
                return self.open(&arm.nodes, dot, FrameKind::Branch { variables });
            }
        }
        match &branch.otherwise {
            Some(nodes) => self.open(nodes, dot, FrameKind::Branch { variables }),
            None => {
                self.variables.truncate(variables);
                Ok(())
            }
        }
    }

    fn begin_loop(&mut self, branch: &'t Branch) -> Executed<()> {
        let variables = self.variables.len();
        let dot = self.dot();
        let Some(arm) = branch.arms.first() else {
            return Ok(());
        };
        let value = self.pipeline(&dot, &arm.pipe)?.value;
        let Some(items) = Items::of(value.clone()) else {
            return Err(self.fail(format!("range can't iterate over {}", shown(&value, 'v'))));
        };
        if !items.has_keys() && arm.pipe.variables.len() > 1 {
            return Err(self.fail(format!(
                "can't use {} to iterate over more than one variable",
                shown(&value, 'v')
            )));
        }
        if items.get(0).is_some() {
            let turns = Loop {
                branch,
                items,
                index: 0,
                variables,
                body_variables: self.variables.len(),
            };
            self.open(&arm.nodes, dot, FrameKind::Loop(Box::new(turns)))?;
            return self.begin_turn();
        }
        match &branch.otherwise {
            Some(nodes) => self.open(nodes, dot, FrameKind::Otherwise { variables }),
            None => {
                self.variables.truncate(variables);
                Ok(())
            }
        }
    }

    fn end_of_list(&mut self) -> Executed<()> {
        match self.frames.last_mut().map(|frame| &mut frame.kind) {
            Some(FrameKind::Loop(turns)) => {
                turns.index += 1;
                self.begin_turn()
            }
            _ => {
                self.close();
                Ok(())
            }
        }
    }

    /// Sets what the body of the innermost loop sees, or ends the loop.
    fn begin_turn(&mut self) -> Executed<()> {
        self.spend(1)?;
        let Some(frame) = self.frames.last_mut() else {
            return Ok(());
        };
        let FrameKind::Loop(turns) = &frame.kind else {
            return Ok(());
        };
        self.variables.truncate(turns.body_variables);
        let Some((key, value)) = turns.items.get(turns.index) else {
            self.close();
            return Ok(());
        };
        frame.next = 0;
        frame.dot = value.clone();
        let Some(arm) = turns.branch.arms.first() else {
            return Ok(());
        };
        match (&*arm.pipe.variables, arm.pipe.assigns) {
            ([], _) => Ok(()),
            ([name], true) => self.assign(name, value),
            ([first, second, ..], true) => {
                self.assign(first, key)?;
                self.assign(second, value)
            }
            ([_], false) => {
                self.set_last(1, value);
                Ok(())
            }
            (_, false) => {
                self.set_last(1, value);
                self.set_last(2, key);
                Ok(())
            }
        }
    }

    /// Sets the n-th variable from the end, which the loop has declared.
    fn set_last(&mut self, nth: usize, value: Slot) {
        let index = self.variables.len().checked_sub(nth);
        if let Some(variable) = index.and_then(|index| self.variables.get_mut(index)) {
            variable.value = value;
        }
    }

    /// Closes all up to the innermost loop, and it. The `else` of a loop
    /// counts as one: so it is in Go.
    fn leave_loop(&mut self) {
        loop {
            let kind = self.frames.last().map(|frame| &frame.kind);
            let is_last = match kind {
                Some(FrameKind::Branch { .. }) => false,
                Some(FrameKind::Loop(_) | FrameKind::Otherwise { .. }) => true,
                // The parser admits no break outside of a loop.
                Some(FrameKind::Called { .. } | FrameKind::Root) | None => return,
            };
            self.close();
            if is_last {
                return;
            }
        }
    }

    /// Closes all within the innermost loop and takes its next turn.
    fn continue_loop(&mut self) -> Executed<()> {
        loop {
            match self.frames.last().map(|frame| &frame.kind) {
                Some(FrameKind::Branch { .. } | FrameKind::Otherwise { .. }) => self.close(),
                Some(FrameKind::Loop(_)) => return self.end_of_list(),
                // The parser admits no continue outside of a loop.
                Some(FrameKind::Called { .. } | FrameKind::Root) | None => return Ok(()),
            }
        }
    }

    fn call_template(&mut self, call: &'t Call) -> Executed<()> {
        self.at(NodeRef::Call(call));
        let Some(tree) = self.template.tree(&call.name) else {
            return Err(self.fail(format!("template {} not defined", quoted(&call.name))));
        };
        let limit = self.budget.limits.template_depth;
        if self.depth == limit {
            let message = format!("exceeded maximum template depth ({limit})");
            return Err(self.fail_because(Cause::Limit, message));
        }
        let dot = match &call.pipe {
            Some(pipe) => self.pipeline(&self.dot(), pipe)?,
            None => Slot::nothing(),
        };
        let caller = FrameKind::Called {
            caller: self.tree,
            node: self.node,
            first_variable: self.first_variable,
        };
        self.open(&tree.nodes, dot.clone(), caller)?;
        self.depth += 1;
        self.tree = tree;
        self.first_variable = self.variables.len();
        self.variables.push(Variable {
            name: self.dollar.clone(),
            value: dot,
        });
        Ok(())
    }
}
