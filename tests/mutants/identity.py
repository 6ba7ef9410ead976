"""Who is asking: claims, verdicts, what is remembered of them, and what goes on."""

from mutant import mutant

JUDGE = "src/authn/judge.rs"
CACHE = "src/authn/cache.rs"

MUTANTS = [
    mutant(
        "identity: what nobody claims is no credential",
        JUDGE,
        "(None, Some((refusal, member))) => return Err(Refused::boxed(refusal, listed, Some(member))),",
        "(None, Some(_)) => {}",
        "authn::lists::a_bad_credential_is_refused_also_where_none_is_needed",
        "authn::lists::two_identity_providers_stand_side_by_side",
    ),
    mutant(
        "identity: one of several is enough",
        JUDGE,
        "Settled::TooMany => Err(Refused::boxed(conflict(), listed, None)),",
        "Settled::TooMany => Ok(identity(known, 0)),",
        "authn::lists::two_credentials_where_one_is_asked_for_are_a_conflict",
    ),
    mutant(
        "identity: one of those that belong together is enough",
        "src/authn/listed.rs",
        "return Settled::Enough { last: item.last };\n        }",
        "return Settled::Enough { last: item.last };\n        }\n        if self.items.iter().any(|item| presented.is_within(item.members)) {\n            return Settled::Enough { last: 0 };\n        }",
        "authn::lists::several_together_let_in_who_presents_all_of_them",
    ),
    mutant(
        "identity: a page of another site may use the cookie",
        "src/authn/forgery.rs",
        "if !goes_along || changes_nothing && asked.upgrade.is_none() {",
        "if goes_along || !changes_nothing || asked.upgrade.is_none() {",
        "authn::identity::a_cookie_opens_nothing_for_a_page_of_another_site",
    ),
    mutant(
        "identity: the credential goes on",
        "src/authn/mod.rs",
        "if route.forward.strip_credentials {",
        "if !route.forward.strip_credentials {",
        "authn::identity::credentials_go_no_further_unless_the_route_says_so",
    ),
    mutant(
        "identity: a client may introduce himself under a name of the file",
        "src/app/compile.rs",
        "let identity = identity.iter().map(|&name| name.clone());",
        "let identity = identity.iter().take(0).map(|&name| name.clone());",
        "authn::identity::the_headers_have_the_names_that_the_route_wants",
    ),
    mutant(
        "identity: a key may come from anywhere",
        "src/authn/mod.rs",
        "if let Some(networks) = &known.verified.networks\n            && !asked",
        "if let Some(networks) = &known.verified.networks\n            && networks.contains([0, 0, 0, 0].into())\n            && !asked",
        "authn::api_keys::a_key_may_belong_to_some_addresses",
    ),
    mutant(
        "identity: nobody asks what is revoked",
        "src/authn/mod.rs",
        "        self.not_revoked(&known)?;\n",
        "",
        "authn::api_keys::a_key_made_by_another_process_counts_until_another_process_revokes_it",
        "authn::api_keys::a_revoked_key_stays_revoked_over_a_restart_and_its_use_is_written_down",
    ),
    mutant(
        "verdicts: whoever judged it",
        CACHE,
        "instance: authenticator.instance,",
        "instance: 0,",
        "authn::remembered::one_routes_verdict_is_not_another_routes",
        "authn::remembered::other_settings_remember_nothing",
    ),
    mutant(
        "verdicts: beyond the end of the credential",
        CACHE,
        "let until = known.ends.min(now + ttl);",
        "let until = now + ttl;",
        "authn::remembered::a_remembered_token_ends_when_it_ends",
        "authn::api_keys::a_remembered_key_ends_when_it_ends",
    ),
    mutant(
        "verdicts: an outage is remembered",
        CACHE,
        "if refusal.is_definitive() {",
        "if !refusal.why.is_empty() {",
        "authn::introspection::an_issuer_in_trouble_is_an_outage_that_nobody_remembers",
    ),
    mutant(
        "tokens: they never end",
        "src/authn/jose/claims.rs",
        "if now >= expires.saturating_add(leeway) {",
        "if now >= expires.saturating_add(leeway) && leeway > 1 << 40 {",
        "authn::remembered::a_remembered_token_ends_when_it_ends",
        "authn::lists::a_bad_credential_is_refused_also_where_none_is_needed",
    ),
    mutant(
        "signatures: once is as good as twice",
        "src/authn/methods/signature/mod.rs",
        "if self.plan.rejects_replays {",
        "if self.plan.rejects_replays && body.len() > 1 << 40 {",
        "authn::signature::what_was_signed_goes_on_once_and_its_signature_stays_here",
        "authn::signature::a_reload_and_another_worker_remember_what_was_used",
    ),
]
