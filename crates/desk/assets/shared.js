// Who answers at this moment.
