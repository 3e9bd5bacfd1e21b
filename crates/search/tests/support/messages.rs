//! Synthetic messages of a medical practice. Nobody in them exists.
use super::attachment;
use sceau_search::TextRecord;

/// Builds one: id, date (YYYY-MM-DD is turned by hand: milliseconds), from, to, subject, body.
fn message(id: i64, date: i64, from: &str, to: &str, subject: &str, body: &str) -> TextRecord {
    TextRecord {
        message: id,
        date,
        size: 2_000 + body.len() as u64,
        from: vec![from.to_owned()],
        to: to.split(", ").map(str::to_owned).collect(),
        subject: subject.to_owned(),
        body: body.to_owned(),
        attachments: Vec::new(),
    }
}

const DAY: i64 = 86_400_000;
/// 2026-01-01, noon in Paris.
const JANUARY: i64 = 1_767_265_200_000;

/// The messages of tests/french.md.
pub fn messages() -> Vec<TextRecord> {
    let cabinet = "cabinet.tilleuls@exemple.mssante.fr";
    let labo = "Laboratoire des Acacias <resultats@labo-acacias.exemple.mssante.fr>";
    let hopital = "CH de Valmont <cardiologie@ch-valmont.exemple.mssante.fr>";
    let dupont = "Dr Jean-Pierre Dupont <jean-pierre.dupont@exemple.mssante.fr>";
    let lefevre = "Dr Hélène Lefèvre <helene.lefevre@exemple.mssante.fr>";
    let almeida = "Mme Inès D'Almeida, infirmière <ines.dalmeida@idel.exemple.mssante.fr>";
    let martin = "Dr Paul Martin <paul.martin@exemple.mssante.fr>";
    let martine = "Secrétariat Martine Roux <martine.roux@exemple.mssante.fr>";
    let mut list = vec![
        message(
            1,
            JANUARY,
            dupont,
            cabinet,
            "Compte-rendu opératoire",
            "Patient opéré d'une cholécystectomie sous cœlioscopie.\nSuites simples, sortie à J2.",
        ),
        message(
            2,
            JANUARY + DAY,
            labo,
            cabinet,
            "Résultats de biologie",
            "Glycémie à jeun élevée : 1,42 g/L. HbA1c 7,8 %. Créatinine normale.",
        ),
        message(
            3,
            JANUARY + 2 * DAY,
            hopital,
            cabinet,
            "Lettre de sortie",
            "Hospitalisation pour insuffisance cardiaque. Traitement de sortie : furosémide 40 mg, bisoprolol 2,5 mg.",
        ),
        message(
            4,
            JANUARY + 3 * DAY,
            lefevre,
            dupont,
            "Ordonnance",
            "Amoxicilline 500 mg, trois fois par jour pendant 7 jours.\nParacétamol 1 g si douleurs.",
        ),
        message(
            5,
            JANUARY + 4 * DAY,
            almeida,
            cabinet,
            "Pansements à domicile",
            "Plaie du genou droit : pansement refait ce matin, plus d'écoulement. L'infirmière repasse demain.",
        ),
        message(
            6,
            JANUARY + 5 * DAY,
            martin,
            cabinet,
            "Rendez-vous",
            "Pouvez-vous proposer un rendez-vous avant la fin du mois ?",
        ),
        message(
            7,
            JANUARY + 6 * DAY,
            martine,
            cabinet,
            "Rendez vous annulé",
            "Le rendez vous du 12/03/2026 est annulé.",
        ),
        message(8, JANUARY + 7 * DAY, cabinet, martin, "rendezvous de suivi", "Rendezvous fixé au 12 mars 2026."),
        message(
            9,
            JANUARY + 8 * DAY,
            labo,
            cabinet,
            "INS 185057800608436",
            "Résultats du patient INS 1 85 05 78 006 084 36 : TSH 2,1 mUI/L.",
        ),
        message(
            10,
            JANUARY + 9 * DAY,
            labo,
            cabinet,
            "Sérologies",
            "Hépatite B : négatif. Hépatite A : immunité acquise. Vitamine D 18 ng/mL, vitamine B12 normale.",
        ),
        message(
            11,
            JANUARY + 10 * DAY,
            dupont,
            "pharmacie@exemple.mssante.fr",
            "Anti-inflammatoires",
            "Arrêter les anti-inflammatoires non stéroïdiens avant l'intervention.",
        ),
        message(
            12,
            JANUARY + 11 * DAY,
            hopital,
            cabinet,
            "Consultation d'anesthésie",
            "Patiente allergique à la pénicilline. Pas d'autre allergie connue. ASA 2.",
        ),
        message(
            13,
            JANUARY + 12 * DAY,
            hopital,
            lefevre,
            "IRM cérébrale",
            "I.R.M. du 2026-01-05 sans anomalie. Prochaine IRM dans un an.",
        ),
        message(
            14,
            JANUARY + 13 * DAY,
            lefevre,
            cabinet,
            "Douleurs thoraciques",
            "Douleur thoracique atypique, ECG normal, troponine négative. TA 12/8, FC 72 bpm.",
        ),
        message(
            15,
            JANUARY + 14 * DAY,
            cabinet,
            hopital,
            "Demande d'avis",
            "Œdème des membres inférieurs, œil rouge. Merci de votre avis.",
        ),
        message(16, JANUARY + 15 * DAY, martine, dupont, "Documents manquants", "Ci-joint les documents demandés."),
        message(
            17,
            JANUARY + 16 * DAY,
            hopital,
            cabinet,
            "Radiographies",
            "Radios du poignet : fracture de l'extrémité distale du radius. Immobilisation 6 semaines.",
        ),
        message(
            18,
            JANUARY + 17 * DAY,
            labo,
            cabinet,
            "Bactériologie",
            "Escherichia coli sensible à l'amoxicilline et à l'acide clavulanique. Ciprofloxacine : résistant.",
        ),
        message(
            19,
            JANUARY + 18 * DAY,
            dupont,
            cabinet,
            "Renouvellement",
            "Merci de renouveler l'ordonnance de metformine 1000 mg et de Lévothyrox 75 µg.",
        ),
        message(
            20,
            JANUARY + 19 * DAY,
            almeida,
            dupont,
            "Surveillance glycémique",
            "Glycémies capillaires stables sous insuline. Dextro à 1.10 g/L à 8h.",
        ),
        message(
            21,
            JANUARY + 20 * DAY,
            "RPPS 10001234567 <10001234567@medecin.exemple.mssante.fr>",
            cabinet,
            "Certificat médical",
            "Certificat pour licence sportive. Tél. 01 23 45 67 89.",
        ),
        message(
            22,
            JANUARY + 21 * DAY,
            hopital,
            cabinet,
            "Aujourd'hui : urgence",
            "Aujourd'hui, chute de sa hauteur, sans perte de connaissance. Jusqu'à présent asymptomatique.",
        ),
        message(
            23,
            JANUARY + 22 * DAY,
            lefevre,
            martine,
            "Vaccinations",
            "Vacciné contre la grippe et le covid-19. Rappel DTP à prévoir. Prescrire le vaccin anti-pneumococcique.",
        ),
        message(
            24,
            JANUARY + 23 * DAY,
            martin,
            lefevre,
            "Grossesse",
            "Patiente enceinte de 12 SA, prescription d'acide folique 0,4 mg. Toxoplasmose : non immunisée.",
        ),
        message(
            25,
            JANUARY + 24 * DAY,
            hopital,
            cabinet,
            "Soins post-opératoires",
            "Ablation des fils à J10. Héparine de bas poids moléculaire, injections sous-cutanées quotidiennes.",
        ),
        message(
            26,
            JANUARY + 25 * DAY,
            labo,
            cabinet,
            "NFS",
            "Hémoglobine 9,8 g/dL, plaquettes 150 G/L, leucocytes normaux. Ferritine basse.",
        ),
        message(
            27,
            JANUARY + 26 * DAY,
            cabinet,
            "support@exemple.mssante.fr",
            "Problème d'accès",
            "Impossible d'ouvrir la messagerie depuis hier soir, message d'erreur 503.",
        ),
        message(
            28,
            JANUARY + 27 * DAY,
            dupont,
            cabinet,
            "Yeux secs",
            "Larmes artificielles, une goutte dans chaque œil. Contrôle ophtalmologique dans 3 mois.",
        ),
        message(
            29,
            JANUARY + 28 * DAY,
            hopital,
            cabinet,
            "Maladies chroniques",
            "Bilans hospitaliers normaux. Journaux de glycémie à tenir. Signes généraux absents.",
        ),
        message(
            30,
            JANUARY + 29 * DAY,
            martine,
            cabinet,
            "MESSAGE EN CAPITALES",
            "LE PATIENT N'EST PAS VENU A SA CONSULTATION DE CARDIOLOGIE.",
        ),
        message(
            31,
            JANUARY - 40 * DAY,
            dupont,
            cabinet,
            "Archive",
            "Ancien courrier : doliprane 1000 mg, ibuprofène 400 mg (arrêté).",
        ),
        message(
            32,
            JANUARY - 400 * DAY,
            martin,
            dupont,
            "Vieux dossier",
            "Patient né le 05/06/1954, suivi pour bronchopneumopathie chronique obstructive (BPCO).",
        ),
        message(
            33,
            JANUARY + 30 * DAY,
            lefevre,
            dupont,
            "Kiné",
            "Séances de kinésithérapie respiratoire, 10 séances. Bêtabloquant en cours : β-bloquant à poursuivre. SpO₂ 97 %.",
        ),
        message(
            34,
            JANUARY + 31 * DAY,
            hopital,
            martin,
            "Gastro-entérologie",
            "Fibroscopie œso-gastro-duodénale : gastrite. Traitement par I.P.P. pendant 4 semaines.",
        ),
    ];
    let at = |list: &mut Vec<TextRecord>, id: i64| -> usize { list.iter().position(|m| m.message == id).unwrap() };
    let i = at(&mut list, 16);
    list[i].attachments = vec![
        attachment("compte_rendu-2026.pdf", "Échographie abdominale : foie homogène, vésicule lithiasique."),
        attachment("Carte_Vitale.JPG", ""),
    ];
    list[i].size = 3 << 20;
    let i = at(&mut list, 2);
    list[i].attachments =
        vec![attachment("resultats_20260102.pdf", "Cholestérol total 2,10 g/L. Triglycérides 1,20 g/L.")];
    list[i].size = 400 << 10;
    let i = at(&mut list, 13);
    list[i].attachments =
        vec![attachment("IRM.dcm", ""), attachment("lettre.docx", "Absence de lésion démyélinisante.")];
    list
}
